import { afterEach, beforeEach, expect, test } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// The EMR patient id of an MRN is corrected while its payment waits.

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
});
afterEach(() => fixture.close());

const correct = () => fixture.rows(`UPDATE patients SET emr_patient_id = 'pat-1002'`);
const lose = (kind: 'reset' | 'too_many_requests' | 'commit_then_reset') =>
  fixture.fault({ kind, count: 1, match: { method: 'POST' } });
const paid = async () =>
  (await fixture.ledger()).map((entry) => (entry as { patient_id: string }).patient_id);
const stored = async () => (await fixture.rows('SELECT status, emr_patient_id FROM payments'))[0];

async function work(): Promise<void> {
  await fixture.passTime();
  await fixture.workOne('post_payment');
}

test('a payment of which nothing has left goes to the present id of its MRN', async () => {
  await fixture.accept();
  await correct();
  await work();
  expect(await paid()).toEqual(['pat-1002']);
  expect(await stored()).toEqual({ status: 'posted', emr_patient_id: 'pat-1002' });
});

test('so does one that the EMR did not take for later', async () => {
  await fixture.accept();
  await lose('too_many_requests');
  await work();
  await correct();
  await work();
  expect(await paid()).toEqual(['pat-1002']);
});

test('one whose MRN has no id any more goes where it says', async () => {
  await fixture.accept();
  await fixture.rows(`UPDATE patients SET emr_patient_id = NULL, state = 'closed'`);
  await work();
  expect(await paid()).toEqual(['pat-1001']);
});

test('one whose MRN was forgotten with its EMR goes nowhere', async () => {
  await fixture.accept();
  await fixture.rows('DELETE FROM patients');
  await work();
  expect(await paid()).toEqual([]);
  expect(await fixture.rows('SELECT status, failure_code FROM payments')).toEqual([
    { status: 'failed', failure_code: 'unknown_patient' },
  ]);
});

test('one that may have been sent keeps its id: it is looked for where it was sent', async () => {
  await fixture.accept();
  await lose('commit_then_reset');
  await work();
  await correct();
  await work();
  expect(await paid()).toEqual(['pat-1001']);
  expect(await stored()).toEqual({ status: 'posted', emr_patient_id: 'pat-1001' });
});
