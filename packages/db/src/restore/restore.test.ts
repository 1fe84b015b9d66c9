import { paymentIdToUuid } from '@emr-payments/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { openDatabase } from '../core/database.ts';
import { endHold, startHold } from '../holds/switch-hold.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { beginRestore } from './begin-restore.ts';
import { FENCE_STEP, ROUND_STEP } from './fence-step.ts';
import { FORMER_CONNECTION } from './leave-doubts.ts';
import { type Doubted, putInDoubt } from './put-in-doubt.ts';

let practice: OpenPractice;
beforeEach(async () => {
  practice = await openPractice();
});
afterEach(() => practice.close());

const SINCE = new Date(Date.now() - 60_000);
const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
const hold = () => startHold(practice, { scope: 'all', reason: null, by: SYSTEM });
const release = () => endHold(practice, { scope: 'all', by: SYSTEM });

async function payment(status: 'accepted' | 'posted' | 'failed' | 'needs_review'): Promise<string> {
  const outcome = await createAcceptor(practice).accept(practice.input());
  if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
  const id = paymentIdToUuid(outcome.paymentId);
  if (status !== 'accepted') {
    await sql(`DELETE FROM jobs WHERE payment_id = '${id}'`);
    await sql(
      `UPDATE payments SET status = '${status}', settled_at = now(), round = 1, last_fence = 3,
              failure_code = ${status === 'posted' ? 'NULL' : `'outcome_unknown'`} WHERE id = '${id}'`,
    );
  }
  return outcome.paymentId;
}

async function restored(since = SINCE, deps: Pick<OpenPractice, 'database'> = practice): Promise<Doubted> {
  const begun = await beginRestore(deps, { since, by: SYSTEM });
  if (begun.outcome !== 'begun') throw new Error(begun.outcome);
  const { id: restoreId, startedAt } = begun.restore;
  return putInDoubt(deps, { restoreId, since, startedAt, by: SYSTEM });
}

async function claim() {
  const [job] = await feedJobs(practice, 10);
  if (job === undefined) throw new Error('no job was fed');
  const posting = await claimPosting(practice, { jobId: job.id, fence: job.fence, leaseMs: 60_000 });
  if (posting === null) throw new Error('the job could not be claimed');
  return posting;
}

test('every payment that is not posted is in doubt from the time of the backup, once however often it is run', async () => {
  for (const status of ['accepted', 'posted', 'failed', 'needs_review'] as const) await payment(status);
  await sql(`UPDATE payments SET tried_since = now() - interval '2 days'`);
  await hold();
  expect(await restored()).toEqual({ accepted: 1, failed: 1, needs_review: 1 });
  expect(await restored()).toEqual({});
  const attempts = await sql(
    `SELECT p.status, a.number, a.sent_at, a.outcome, a.code, a.finished_at > now() - interval '1 minute' AS now, p.last_fence, p.round
       FROM posting_attempts a JOIN payments p ON p.id = a.payment_id ORDER BY p.id`,
  );
  const doubt = {
    number: -1,
    sent_at: SINCE,
    outcome: 'unknown',
    code: 'restored',
    now: true,
  };
  expect(attempts).toEqual([
    { status: 'accepted', last_fence: FENCE_STEP, round: ROUND_STEP, ...doubt },
    { status: 'failed', last_fence: FENCE_STEP + 3, round: ROUND_STEP + 1, ...doubt },
    { status: 'needs_review', last_fence: FENCE_STEP + 3, round: ROUND_STEP + 1, ...doubt },
  ]);
  expect(await sql('SELECT fence FROM jobs')).toEqual([{ fence: FENCE_STEP }]);
  expect(await sql(`SELECT action, detail FROM audit_log WHERE action LIKE 'restore%' ORDER BY id`)).toEqual([
    { action: 'restore.begin', detail: null },
    { action: 'restore.finish', detail: { accepted: 1, failed: 1, needs_review: 1 } },
  ]);

  await release();
  const open = await claim();
  expect(open).toMatchObject({ sends: 1, unresolvedSentAt: SINCE });
  expect(open.unresolvedMs).toBeLessThan(30_000);
  expect(open.triedForMs).toBeLessThan(30_000);
  expect(await beginAttempt(practice, { claim: open.claim, knownAbsent: true, sentTo: 'emr' })).toBe(true);
});

test('a round near the end of its column does not keep a restore from ending', async () => {
  const near = await payment('failed');
  await sql(`UPDATE payments SET round = 32700 WHERE id = '${paymentIdToUuid(near)}'`);
  const before = await payment('failed');
  await sql(`UPDATE payments SET round = 29950 WHERE id = '${paymentIdToUuid(before)}'`);
  await hold();
  expect(await restored()).toMatchObject({ failed: 2 });
  expect(await sql('SELECT round FROM payments WHERE round > 20000 ORDER BY round')).toEqual([
    { round: 30_000 },
    { round: 32_700 },
  ]);
});

test('a failed payment that a person retries afterwards is still in doubt', async () => {
  const paymentId = await payment('failed');
  await hold();
  await restored();
  await release();
  await retryPayment(practice, { paymentId, userId: null, by: SYSTEM });
  const posting = await claim();
  expect(posting.unresolvedSentAt).toEqual(SINCE);
  expect(posting.claim.fence).toBe(FENCE_STEP + 5);
});

test('a failed payment whose patient was corrected is not retried while nobody knows to whom the lost time has sent it', async () => {
  const paymentId = await payment('failed');
  await hold();
  await restored();
  await release();
  const retry = () => retryPayment(practice, { paymentId, userId: null, by: SYSTEM });
  await sql(`UPDATE patients SET emr_patient_id = 'p7' WHERE mrn = 'MRN-1'`);
  expect(await retry()).toEqual({ outcome: 'patient_changed' });
  // The EMR was asked, or a person has looked.
  await sql(`UPDATE posting_attempts SET outcome = 'absent' WHERE number < 0`);
  expect(await retry()).toMatchObject({ outcome: 'retrying', redirected: true });
});

test('after another place of the connection, whenever it was given, nothing of the lost time is absent', async () => {
  const { adapter, baseUrl, timeZone } = await practice.database.prisma.connection.findFirstOrThrow();
  const setup = { userId: practice.userId, adapter, timeZone, credentials: {}, concurrency: 1 };
  const move = (host: string, otherPatients = true) =>
    saveConnection(practice, { ...setup, baseUrl: `https://${host}`, otherPatients });
  const places = async () =>
    (await sql('SELECT sent_to FROM posting_attempts ORDER BY payment_id, number')).map(
      ({ sent_to }) => sent_to,
    );
  await payment('accepted');
  await payment('failed');
  await payment('posted');
  await hold();
  await saveConnection(practice, { ...setup, baseUrl, concurrency: 2, otherPatients: false });
  await restored();
  await move('renamed.example', false);
  expect(await places()).toEqual([null, null]);
  await move('other.example');
  expect(await places()).toEqual([FORMER_CONNECTION, FORMER_CONNECTION]);

  await practice.owner.pool.query('DELETE FROM posting_attempts');
  await restored(new Date(SINCE.getTime() - 1));
  expect(await places()).toEqual([FORMER_CONNECTION, FORMER_CONNECTION]);
});

test('an earlier send in doubt keeps its time: a look-up searches from there', async () => {
  await payment('accepted');
  const earlier = await claim();
  await beginAttempt(practice, { claim: earlier.claim, knownAbsent: false, sentTo: 'emr' });
  await sql(`UPDATE posting_attempts SET sent_at = '2026-01-01T00:00:00Z'`);
  await sql('UPDATE jobs SET lease_until = NULL, queued_at = NULL');
  await hold();
  await restored();
  await release();
  expect(await claim()).toMatchObject({ sends: 2, unresolvedSentAt: new Date('2026-01-01T00:00:00Z') });
});

test('job numbers of the lost time are never given again', async () => {
  await payment('accepted');
  await hold();
  const begun = await beginRestore(practice, { since: SINCE, by: SYSTEM });
  if (begun.outcome !== 'begun') throw new Error(begun.outcome);
  const { from = 0, to = 0 } = begun.restore.skippedJobs ?? {};
  expect(to - from).toBeGreaterThanOrEqual(1_000_000 + 60_000 - 1);
  await payment('accepted');
  const ids = (await sql('SELECT id FROM jobs ORDER BY id')).map(({ id }) => id);
  expect(ids).toEqual([from - 1, to + 1]);
});

test('payments that were accepted after the restore are not in doubt', async () => {
  await hold();
  const begun = await beginRestore(practice, { since: SINCE, by: SYSTEM });
  if (begun.outcome !== 'begun') throw new Error(begun.outcome);
  await payment('accepted');
  // Both may have happened in one millisecond.
  await sql(`UPDATE payments SET created_at = created_at + interval '1 second'`);
  expect(await restored()).toEqual({});
});

test('it is refused without a hold for all, for the future, and while a worker has a payment in hand', async () => {
  const since = SINCE;
  expect(await beginRestore(practice, { since, by: SYSTEM })).toEqual({ outcome: 'not_on_hold' });
  const { userId, publicId } = practice;
  await startHold(practice, { scope: { userId, publicId }, reason: null, by: SYSTEM });
  expect(await beginRestore(practice, { since, by: SYSTEM })).toEqual({ outcome: 'not_on_hold' });
  await endHold(practice, { scope: { userId, publicId }, by: SYSTEM });
  await payment('accepted');
  await claim();
  await hold();
  expect(await beginRestore(practice, { since, by: SYSTEM })).toEqual({ outcome: 'in_hand', postings: 1 });
  const future = new Date(Date.now() + 60_000);
  expect(await beginRestore(practice, { since: future, by: SYSTEM })).toEqual({ outcome: 'in_future' });
});

test('a hold that ends after the check, and before the restore is written, prevents it', async () => {
  await hold();
  const { pool } = practice.database;
  const query = pool.query.bind(pool) as (...given: unknown[]) => Promise<unknown>;
  const between = vi.spyOn(pool, 'query').mockImplementation((async (...given: unknown[]) => {
    if ((given[0] as { name?: string }).name === 'begin-restore') {
      between.mockRestore();
      expect(await release()).toEqual({ outcome: 'ended' });
    }
    return query(...given);
  }) as never);
  expect(await beginRestore(practice, { since: SINCE, by: SYSTEM })).toEqual({ outcome: 'not_on_hold' });
  expect(await sql('SELECT id FROM restores')).toEqual([]);
});

test('the hold cannot end before every payment is in doubt', async () => {
  await payment('accepted');
  await hold();
  await beginRestore(practice, { since: SINCE, by: SYSTEM });
  expect(await release()).toEqual({ outcome: 'restore_unfinished', since: SINCE });
  expect(await restored()).toEqual({ accepted: 1 });
  expect(await release()).toEqual({ outcome: 'ended' });
});

test('a failed payment can be tried again after however many restores: they have not settled it', async () => {
  const paymentId = await payment('failed');
  await hold();
  for (let times = 1; times <= 12; times += 1) {
    expect(await restored(new Date(SINCE.getTime() + times * 1000))).toEqual({ failed: 1 });
  }
  expect(await sql('SELECT round FROM payments')).toEqual([{ round: 1 + 12 * ROUND_STEP }]);
  const retried = await retryPayment(practice, { paymentId, userId: null, by: SYSTEM });
  expect(retried).toMatchObject({ outcome: 'retrying', paymentId });
});

test('a page is read by its bounds, and not every payment for each page', async () => {
  const { pool } = practice.owner;
  await pool.query(
    `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date,
                           status, settled_at, failure_code, created_at)
     SELECT overlay(gen_random_uuid()::text PLACING left(first_payment_id(at)::text, 13) FROM 1 FOR 13)::uuid, n, $1, 'MRN', 'p', 'Card', '#', '1404', 1, at,
            CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'posted' END::payment_status, at, CASE WHEN n % 50 = 0 THEN 'emr_refused' END, at
       FROM generate_series(1, 45000) AS n, LATERAL (SELECT now() - n * interval '1 s' AS at) AS time`,
    [practice.userId],
  );
  await pool.query('ANALYZE payments');
  await pool.query('SELECT pg_stat_force_next_flush()');
  const wholeReads = async () => {
    const { rows } = await pool.query(
      `SELECT sum(seq_tup_read)::int AS read FROM pg_stat_user_tables WHERE relname ~ '^payments_'`,
    );
    return rows[0].read;
  };
  const before = await wholeReads();
  await hold();
  const database = openDatabase({ url: practice.url, poolSize: 1, applicationName: 'test' });
  try {
    expect(await restored(SINCE, { database })).toEqual({ failed: 900 });
    await database.pool.query('SELECT pg_stat_force_next_flush()');
  } finally {
    await database.close();
  }
  expect(await wholeReads()).toBe(before);
});
