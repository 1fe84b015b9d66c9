import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// The practice replaces a payment method or a location while a worker still remembers the names as they were.

const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  fixture = await openWorkerFixture();
});
afterEach(() => fixture.close());

async function atPractice(method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(`${fixture.sandbox.baseUrl}/sandbox${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  expect(answer.ok, await answer.text()).toBe(true);
}

const last = async () =>
  (
    await fixture.rows(
      'SELECT status, failure_code, failure_reason FROM payments ORDER BY created_at DESC, job_id DESC LIMIT 1',
    )
  )[0];

async function post(): Promise<void> {
  await fixture.accept();
  await fixture.workOne('post_payment');
}

test('a payment method that got another id is posted with it', async () => {
  await post();
  expect(await last()).toMatchObject({ status: 'posted' });
  await atPractice('DELETE', '/methods/CARD');
  await atPractice('POST', '/methods', { id: 'CARD-NEW', name: 'Card' });
  await post();
  expect(await last()).toMatchObject({ status: 'retrying' });
  await fixture.passTime();
  await fixture.workOne('post_payment');
  expect(await last()).toMatchObject({ status: 'posted' });
  expect(await fixture.ledger()).toHaveLength(2);
});

test('one that is gone fails with the names that the EMR has now', async () => {
  await post();
  await atPractice('DELETE', '/methods/CARD');
  await post();
  expect(await last()).toMatchObject({
    status: 'failed',
    failure_code: 'unknown_payment_method',
    failure_reason: expect.stringContaining("no payment method named 'Card'"),
  });
});
