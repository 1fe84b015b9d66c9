import { type ForeignServer, openForeignServer } from '@emr-payments/emr/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// An operator changes a connection while the answer to a send is lost: the changed one cannot say where that send went.

let emr: ForeignServer;
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  emr = await openForeignServer();
});
afterEach(async () => {
  await fixture.close();
  await emr.close();
});

const payment = async () =>
  (await fixture.rows('SELECT status, failure_code, failure_reason FROM payments'))[0];
const change = (sql: string) =>
  fixture.rows(
    `UPDATE connections SET ${sql}, updated_at = updated_at + interval '1 millisecond' RETURNING 1`,
  );
const OTHER_SYSTEM = `settings = settings || '{"payment_identifier_system":"urn:practice:payment"}'`;

async function loseAnswer(settings: Record<string, boolean | number>): Promise<void> {
  emr.behave({ answersLost: 1, conditionalCreate: true });
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl, settings });
  await fixture.accept();
  await work(1);
  expect(await payment()).toMatchObject({ status: 'retrying' });
}

async function work(times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await fixture.passTime();
    await fixture.workOne('post_payment');
  }
}

test.each([
  ['can be searched', { conditional_create: false }],
  ['honours a conditional create', {}],
  ['honours a conditional create only', { search: false }],
])('another system of the payment id makes no second entry in an EMR that %s', async (_name, settings) => {
  await loseAnswer(settings);
  await change(OTHER_SYSTEM);
  await work(3);
  expect(emr.entries).toHaveLength(1);
  expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
});

test('another base URL makes no second entry there', async () => {
  await loseAnswer({ conditional_create: false });
  const moved = await openForeignServer();
  try {
    await change(`base_url = '${moved.baseUrl}'`);
    await work(3);
    expect(moved.entries).toHaveLength(0);
    expect(await payment()).toMatchObject({ status: 'needs_review', failure_code: 'outcome_unknown' });
  } finally {
    await moved.close();
  }
});

test('an entry that came along with the practice to another base URL is found there', async () => {
  await loseAnswer({ conditional_create: false });
  const moved = await openForeignServer();
  try {
    moved.entries.push(...emr.entries);
    await change(`base_url = '${moved.baseUrl}'`);
    await work(1);
    expect(moved.entries).toHaveLength(1);
    expect(await payment()).toMatchObject({ status: 'posted' });
  } finally {
    await moved.close();
  }
});

test('a change of other settings leaves the doubt to the EMR', async () => {
  await loseAnswer({ conditional_create: false });
  await change(`settings = settings || '{"timeout_ms":2000}', base_url = base_url || '/'`);
  await work(1);
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.entries).toHaveLength(1);
});
