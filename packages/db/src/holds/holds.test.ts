import { Client } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { renewLeases } from '../jobs/renew-leases.ts';
import { findPayment } from '../payments/find-payment.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { createPractice } from '../testing/practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { listHolds } from './list-holds.ts';
import { endHold, type HoldScope, startHold } from './switch-hold.ts';
import { type InHand, waitForClaims } from './wait-for-claims.ts';

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
});
const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()));
});

/** Another session on the database of the test. */
async function session(): Promise<Client> {
  const client = new Client({ connectionString: practice.url });
  clients.push(client);
  await client.connect();
  return client;
}

const PATIENCE = { timeout: 30_000, interval: 10 };
const NOTHING: InHand = { paymentIds: [], transactions: 0 };
const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
const on = (scope: HoldScope = 'all') => startHold(practice, { scope, reason: 'a test', by: SYSTEM });
const off = (scope: HoldScope = 'all') => endHold(practice, { scope, by: SYSTEM });
const feed = () => feedJobs(practice, 100);
const wait = (input: { waitMs?: number; scope?: HoldScope; onWait?: (inHand: InHand) => void } = {}) =>
  waitForClaims(practice, { scope: 'all', waitMs: 10_000, onWait: () => undefined, ...input });

async function accept(): Promise<string> {
  const outcome = await createAcceptor(practice).accept(practice.input());
  if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
  return outcome.paymentId;
}

async function claim({ leaseMs = 60_000 }: { leaseMs?: number } = {}) {
  const [job] = await feed();
  if (job === undefined) throw new Error('no job was fed');
  return claimPosting(practice, { jobId: job.id, fence: job.fence, leaseMs });
}

async function held(options: { leaseMs?: number } = {}) {
  const posting = await claim(options);
  if (posting === null) throw new Error('the job could not be claimed');
  return posting;
}

test('lanes on hold are fed nothing; deliveries and other users go on; the end of the hold wakes the relays', async () => {
  await accept();
  const posting = await held();
  await settlePayment(practice, {
    claim: posting.claim,
    round: posting.payment.round,
    clientPk: practice.clientPk,
    result: { status: 'posted', emrTransactionId: '1' },
    attempt: null,
    event: { id: 'evt_1', type: 'payment.created', body: '{}' },
  });
  const other = await createPractice(practice, { endpoint: null });
  await createAcceptor(practice).accept(other.input());
  await accept();
  const scope = { userId: practice.userId, publicId: practice.publicId };
  expect(await on(scope)).toBe(true);
  expect(await on(scope)).toBe(false);
  expect((await feed()).map(({ kind }) => kind).sort()).toEqual(['deliver_webhook', 'post_payment']);
  expect(await sql('SELECT lane_id FROM jobs WHERE queued_at IS NULL')).toEqual([
    { lane_id: practice.laneId },
  ]);
  expect(await listHolds(practice)).toMatchObject([
    { scope: practice.publicId, startedBy: 'system', reason: 'a test', waiting: 1 },
  ]);

  const listener = await session();
  await listener.query('LISTEN emr_payments_jobs');
  const woken = new Promise((resolve) => listener.once('notification', resolve));
  expect(await off(scope)).toEqual({ outcome: 'ended' });
  await woken;
  expect((await feed()).length).toBe(1);
  expect(await off(scope)).toEqual({ outcome: 'not_on' });
});

test('a claim of a payment on hold puts its job back under another fence, without counting a try', async () => {
  const paymentId = await accept();
  const [job] = await feed();
  await on();
  const { id = '', fence = -1 } = job ?? {};
  expect(await claimPosting(practice, { jobId: id, fence, leaseMs: 60_000 })).toBeNull();
  expect(await sql('SELECT fence, tries, queued_at, lease_until FROM jobs')).toEqual([
    { fence: 1, tries: 0, queued_at: null, lease_until: null },
  ]);
  const { userId } = practice;
  expect(await findPayment(practice, { userId, paymentId })).toMatchObject({
    status: 'accepted',
    onHold: true,
  });
  expect(await feed()).toEqual([]);
  await off();
  expect(await findPayment(practice, { userId, paymentId })).toMatchObject({ onHold: false });
  expect((await held()).claim.fence).toBe(2);
});

test('nothing is begun under a hold that is younger than the claim, and the job waits', async () => {
  await accept();
  const posting = await held();
  await on();
  expect(await beginAttempt(practice, { claim: posting.claim, knownAbsent: true, sentTo: 'emr' })).toBe(
    false,
  );
  expect(await sql('SELECT count(*)::int AS n FROM posting_attempts')).toEqual([{ n: 0 }]);
  expect(
    await sql('SELECT status, tries, queued_at, lease_until FROM jobs JOIN payments p ON p.id = payment_id'),
  ).toEqual([{ status: 'retrying', tries: 0, queued_at: null, lease_until: null }]);
  expect(await wait({ waitMs: 0 })).toEqual(NOTHING);
  await off();
  const again = await held();
  expect(await beginAttempt(practice, { claim: again.claim, knownAbsent: false, sentTo: 'emr' })).toBe(true);
});

test('the wait includes a claim whose statement began before the hold and commits after it', async () => {
  await accept();
  const [job] = await feed();
  // The claim has its snapshot and waits for the payment's row. It holds no lease that anybody else could see.
  const blocker = await session();
  await blocker.query('BEGIN');
  await blocker.query('SELECT FROM payments FOR UPDATE');
  const claiming = claimPosting(practice, { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 });
  await vi.waitFor(async () => {
    expect(await sql('SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted')).toEqual([{ n: 1 }]);
  }, PATIENCE);
  await on();
  const seen: InHand[] = [];
  let returned = false;
  const waiting = wait({ onWait: (inHand) => seen.push(inHand) }).finally(() => {
    returned = true;
  });
  await vi.waitFor(() => expect(seen).toEqual([{ paymentIds: [], transactions: 1 }]), PATIENCE);
  await blocker.query('COMMIT');
  const posting = await claiming;
  await vi.waitFor(() => expect(seen.at(-1)).toMatchObject({ transactions: 0 }), PATIENCE);
  expect(seen.at(-1)?.paymentIds.length).toBe(1);
  expect(returned).toBe(false);
  if (posting === null) throw new Error('the claim saw the hold');
  expect(await beginAttempt(practice, { claim: posting.claim, knownAbsent: false, sentTo: 'emr' })).toBe(
    false,
  );
  expect(await waiting).toEqual(NOTHING);
});

test('a lease that lapses is taken back: its holder can neither renew it nor begin', async () => {
  const paymentId = await accept();
  const { claim: stale } = await held({ leaseMs: 400 });
  await on();
  expect(await wait({ waitMs: 0 })).toEqual({ paymentIds: [paymentId], transactions: 0 });
  expect(await wait()).toEqual(NOTHING);
  expect(await renewLeases(practice, { claims: [stale], leaseMs: 60_000 })).toEqual(new Set());
  expect(await beginAttempt(practice, { claim: stale, knownAbsent: false, sentTo: 'emr' })).toBe(false);
  expect(await sql('SELECT lease_until FROM jobs')).toEqual([{ lease_until: null }]);
});

test('a renewal that is under way when the lease lapses is waited for', async () => {
  await accept();
  const { claim: late } = await held({ leaseMs: 300 });
  const renewer = await session();
  await renewer.query('BEGIN');
  expect(await renewLeases({ database: { pool: renewer } }, { claims: [late], leaseMs: 60_000 })).toEqual(
    new Set([late]),
  );
  await on();
  expect(await wait({ waitMs: 700 })).toMatchObject({ transactions: 1 });
  await renewer.query('COMMIT');
  expect(await wait({ waitMs: 100 })).toMatchObject({ paymentIds: [expect.any(String)], transactions: 0 });
});

test('the wait for one user does not wait for another', async () => {
  await accept();
  await held();
  const other = await createPractice(practice, { endpoint: null });
  const scope = { userId: other.userId, publicId: other.publicId };
  await on(scope);
  expect(await wait({ scope, waitMs: 0 })).toEqual(NOTHING);
});

test('time under holds does not count against the horizon; overlapping holds count once', async () => {
  await accept();
  await sql(`UPDATE payments SET tried_since = now() - interval '100 minutes'`);
  const minutes = (from: number, to: number) =>
    `now() - interval '${from} minutes', now() - interval '${to} minutes', 'test'`;
  await sql(`INSERT INTO holds (scope, user_id, started_at, ended_at, started_by) VALUES
    ('all', NULL, ${minutes(300, 200)}), ('all', NULL, ${minutes(120, 90)}), ('all', NULL, ${minutes(80, 60)}),
    ('u', ${practice.userId}, ${minutes(70, 50)}), ('other', 999, ${minutes(40, 30)})`);
  // 100 minutes, without 100 to 90 and 80 to 50.
  expect((await held()).triedForMs / 60_000).toBeCloseTo(60, 1);
});

test('a person may retry a failed payment during a hold: it is accepted and waits', async () => {
  const paymentId = await accept();
  const posting = await held();
  await settlePayment(practice, {
    claim: posting.claim,
    round: posting.payment.round,
    clientPk: practice.clientPk,
    result: { status: 'failed', failureCode: 'unknown_location', failureReason: 'x' },
    attempt: null,
    event: { id: 'evt_1', type: 'payment.failed', body: '{}' },
  });
  await on();
  const { userId } = practice;
  expect(await findPayment(practice, { userId, paymentId })).toMatchObject({ onHold: false });
  expect(await retryPayment(practice, { paymentId, userId: null, by: SYSTEM })).toMatchObject({
    outcome: 'retrying',
  });
  expect((await feed()).filter(({ kind }) => kind === 'post_payment')).toEqual([]);
  expect(await findPayment(practice, { userId, paymentId })).toMatchObject({
    status: 'accepted',
    onHold: true,
  });
  await off();
  expect((await feed()).length).toBe(1);
});

test('a hold is kept, and changes only when it ends', async () => {
  await on();
  for (const change of [
    'DELETE FROM holds',
    'TRUNCATE holds',
    `UPDATE holds SET reason = 'x'`,
    `UPDATE holds SET started_at = now(), ended_at = now()`,
  ]) {
    await expect(practice.owner.pool.query(change), change).rejects.toThrow('a hold can only be ended');
  }
  await off();
  await expect(sql('UPDATE holds SET ended_at = NULL')).rejects.toThrow('a hold can only be ended');
  expect(await sql('SELECT action, subject FROM audit_log ORDER BY id DESC LIMIT 2')).toEqual([
    { action: 'hold.off', subject: 'hold:all' },
    { action: 'hold.on', subject: 'hold:all' },
  ]);
});
