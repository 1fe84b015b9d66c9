import { resolvePayment, retryPayment } from '@emr-payments/db';
import { type ForeignServer, type ForeignWays, openForeignServer } from '@emr-payments/emr/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';

// A payment that the EMR has accepted for later is never sent again, whatever happens until its entry appears.

let emr: ForeignServer;
/** False: the EMR's searches do not show its entries yet. */
let indexed: boolean;
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  emr = await openForeignServer();
  indexed = false;
});
afterEach(async () => {
  await fixture.close();
  await emr.close();
});

const EMPTY = { resourceType: 'Bundle', type: 'searchset', total: 0 };
const LATE: NonNullable<ForeignWays['search']> = (plain) => (indexed ? plain : { ...plain, body: EMPTY });
const TAKEN: NonNullable<ForeignWays['created']> = () => ({ status: 202, body: '' });

const payment = async () => (await fixture.rows('SELECT status, failure_code FROM payments'))[0];
const attempts = async () =>
  (await fixture.rows('SELECT outcome FROM posting_attempts ORDER BY number')).map((row) => row.outcome);
const events = async () => (await fixture.rows('SELECT type FROM events')).map((row) => row.type);

async function open(settings: Record<string, boolean | number> = {}): Promise<string> {
  fixture = await openWorkerFixture({ emrUrl: emr.baseUrl, settings });
  return fixture.accept();
}
async function work(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await fixture.passTime();
    await fixture.workOne('post_payment');
  }
}
/** Lets time pass since the EMR accepted the payment. */
const age = (by: string) =>
  fixture.rows(`UPDATE posting_attempts SET finished_at = finished_at - interval '${by}' RETURNING 1`);

test.each<[string, NonNullable<ForeignWays['created']>]>([
  ['202', TAKEN],
  ['202 and the address of its queue', () => ({ status: 202, headers: { location: '/queue/5' }, body: '' })],
  ['201 without a name', () => ({ status: 201, body: '' })],
  ['204', () => ({ status: 204, body: '' })],
  ['200 without a body', () => ({ status: 200, body: '' })],
  ['202 that names an entry which cannot be read yet', (plain) => ({ ...plain, status: 202 })],
])(
  'after %s the payment is submitted, is sent once, and is posted when it appears',
  async (_name, created) => {
    const read: NonNullable<ForeignWays['read']> = (plain) => (indexed ? plain : { status: 404, body: {} });
    emr.behave({ created, search: LATE, read });
    // The horizon does not apply to it, and the settings promise a conditional create that the EMR does not honour.
    await open();
    fixture.deps.horizonMs = -1;
    await work(4);
    expect(await payment()).toEqual({ status: 'submitted', failure_code: null });
    expect(await attempts()).toEqual(['accepted']);
    expect(await events()).toEqual([]);

    indexed = true;
    await work();
    expect(await payment()).toEqual({ status: 'posted', failure_code: null });
    expect(await attempts()).toEqual(['posted']);
    expect(await events()).toEqual(['payment.created']);
    expect(emr.sends()).toBe(1);
  },
);

test('the sandbox accepts a payment and posts it later', async () => {
  fixture = await openWorkerFixture({ settings: { conditional_create: false } });
  await fixture.accept();
  await fixture.fault({ kind: 'accept_later', entry_after_ms: 50, count: 1 });
  await work();
  expect(await payment()).toMatchObject({ status: 'submitted' });
  await expect.poll(async () => (await fixture.ledger()).length).toBe(1);
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(await fixture.ledger()).toHaveLength(1);
});

test.each([true, false])(
  'what is not confirmed in time goes to a person; conditional create: %s',
  async (conditional) => {
    emr.behave({ created: TAKEN, search: LATE });
    await open({ conditional_create: conditional, confirm_within_ms: 3_600_000 });
    await work(2);
    await age('59 minutes');
    await work();
    expect(await payment()).toMatchObject({ status: 'submitted' });
    await age('1 minute');
    await work();
    expect(await payment()).toEqual({ status: 'needs_review', failure_code: 'not_confirmed' });
    expect(await events()).toEqual(['payment.review_required']);
    expect(emr.sends()).toBe(1);
  },
);

test.each([true, false])(
  'without a search a person has to look at once; conditional create: %s',
  async (conditional) => {
    emr.behave({ created: TAKEN, conditionalCreate: conditional });
    await open({ search: false, conditional_create: conditional });
    await work(2);
    expect(await payment()).toEqual({ status: 'needs_review', failure_code: 'not_confirmed' });
    expect(await attempts()).toEqual(['accepted']);
    expect(emr.sends()).toBe(1);
  },
);

test('an entry that appears with another amount goes to a person', async () => {
  emr.behave({ created: TAKEN, search: LATE });
  await open();
  await work();
  Object.assign(emr.entries[0] ?? {}, { amount: { value: 1, currency: 'USD' } });
  indexed = true;
  await work();
  expect(await payment()).toEqual({ status: 'needs_review', failure_code: 'entry_differs' });
  expect(emr.sends()).toBe(1);
});

test('neither an EMR that is down nor a worker that dies makes it be sent again', async () => {
  let up = false;
  emr.behave({ created: TAKEN, search: (plain) => (up ? plain : { status: 503, body: {} }) });
  await open({ conditional_create: false });
  await work(3);
  expect(await payment()).toMatchObject({ status: 'submitted' });
  // Died between the attempt and the status; the attempt decides.
  await fixture.rows("UPDATE payments SET status = 'posting' RETURNING 1");
  await work();
  expect(await payment()).toMatchObject({ status: 'submitted' });
  expect(emr.sends()).toBe(1);
  up = true;
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.sends()).toBe(1);
});

test('after an outage of the service it is looked up again when the first answer is missing, before a person has to look', async () => {
  let up = true;
  emr.behave({
    created: TAKEN,
    search: (plain, asked) => (up ? LATE(plain, asked) : { status: 503, body: {} }),
  });
  await open({ confirm_within_ms: 24 * 3_600_000 });
  await work(2);
  await age('30 days');
  await fixture.passTime();
  await fixture.rows(`UPDATE jobs SET run_at = run_at - interval '30 days' RETURNING 1`);
  up = false;
  await fixture.workOne('post_payment');
  expect(await payment()).toMatchObject({ status: 'submitted' });
  expect(await fixture.rows(`SELECT run_at < now() + interval '20 minutes' AS soon FROM jobs`)).toEqual([
    { soon: true },
  ]);
  await work();
  expect(await payment()).toEqual({ status: 'needs_review', failure_code: 'not_confirmed' });
  expect(emr.sends()).toBe(1);
});

test('an earlier send in doubt does not make it be sent again either', async () => {
  emr.behave({ answersLost: 1, search: LATE, created: TAKEN });
  await open({ conditional_create: false });
  await work(2);
  // The EMR lost the first, and said so: the second was accepted.
  expect(await attempts()).toEqual(['absent', 'accepted']);
  await work(3);
  expect(await payment()).toMatchObject({ status: 'submitted' });
  expect(emr.sends()).toBe(2);
});

test('a person’s word that it is not there ends it, and a retry sends it again', async () => {
  emr.behave({ created: (plain) => (emr.sends() === 1 ? TAKEN(plain, {}) : plain), search: LATE });
  const paymentId = await open({ conditional_create: false });
  await work();
  await age('2 days');
  await work();
  const by = { actor: 'cli:test', source: 'test' };
  const key = { paymentId, userId: null, by };
  const resolution = { outcome: 'not_posted' as const };
  await resolvePayment(fixture, { ...key, resolution, note: 'Not on the day sheet' });
  expect(await attempts()).toEqual(['absent']);
  await retryPayment(fixture, key);
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.sends()).toBe(2);
  // The order of what happened to it, in each event.
  expect(
    await fixture.rows(
      `SELECT type, round, body::json->'data'->'sequence' AS sequence FROM events ORDER BY round`,
    ),
  ).toEqual([
    { type: 'payment.review_required', round: 1, sequence: 1 },
    { type: 'payment.failed', round: 2, sequence: 2 },
    { type: 'payment.created', round: 3, sequence: 3 },
  ]);
});

test('an EMR that ignores If-None-Exist and indexes late gets a payment whose answer was lost once', async () => {
  emr.behave({ answersLost: 1, search: LATE });
  await open({ settle_ms: 3_600_000 });
  await work();
  // While the entry may still come, not even the horizon ends the payment.
  fixture.deps.horizonMs = -1;
  await work(2);
  expect(await payment()).toMatchObject({ status: 'retrying' });
  indexed = true;
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.sends()).toBe(1);
});

test('a conditional create is not sent again while the EMR may still be writing the first', async () => {
  // The condition is checked when a request arrives: what is not written yet does not meet it.
  emr.behave({ writtenLate: 1, conditionalCreate: true });
  await open({ search: false, settle_ms: 3_600_000 });
  await work(3);
  emr.writeLate();
  await age('1 hour');
  await work();
  expect(await payment()).toMatchObject({ status: 'posted' });
  expect(emr.entries).toHaveLength(1);
});

test('look-ups of it that are rejected three times in a row break the login of a doubtful connection', async () => {
  emr.behave({ created: TAKEN, search: LATE });
  await open();
  await work();
  expect(await payment()).toMatchObject({ status: 'submitted' });
  await fixture.rows(`
    INSERT INTO connection_states (user_id, state, doubtful) SELECT user_id, 'connected', true FROM connections
    ON CONFLICT (user_id) DO UPDATE SET doubtful = true RETURNING 1`);
  emr.behave({ created: TAKEN, search: () => ({ status: 401, body: {} }) });
  const states: unknown[] = [];
  for (let time = 0; time < 3; time += 1) {
    await work();
    states.push((await fixture.rows('SELECT state FROM connection_states'))[0]?.state);
  }
  expect(states).toEqual(['degraded', 'degraded', 'login_required']);
  expect(await payment()).toMatchObject({ status: 'submitted' });
});
