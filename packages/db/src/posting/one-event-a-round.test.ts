import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import type { StatementDeps } from '../core/statements.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { resolvePayment } from '../payments/resolve-payment.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { type ClaimedPosting, claimPosting } from './claim-posting.ts';
import { type Settlement, settlePayment } from './settle-payment.ts';

// No index guards that a payment has one event for each round: the compare-and-set on payments.round does. These tests take the other
// guards away, which are the fence, the job's row and the status.

let practice: OpenPractice;
const begin = practiceOfFile();
beforeEach(async () => {
  practice = await begin();
});

const sql = async (text: string, values: unknown[] = []) =>
  (await practice.owner.pool.query(text, values)).rows;
const rounds = async () =>
  (await sql('SELECT round FROM events WHERE payment_id IS NOT NULL ORDER BY round')).map(
    ({ round }) => round,
  );

async function claimed(): Promise<ClaimedPosting> {
  const outcome = await createAcceptor(practice).accept(practice.input());
  if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
  const [job] = await feedJobs(practice, 1);
  const posting = await claimPosting(practice, { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 });
  if (posting === null) throw new Error('the job could not be claimed');
  return posting;
}

const settlementOf = ({ claim, payment }: ClaimedPosting, n: number): Settlement => ({
  claim,
  round: payment.round,
  clientPk: payment.clientPk,
  result: { status: 'needs_review', failureCode: 'outcome_unknown', failureReason: 'x' },
  attempt: null,
  event: { id: `evt_${n}`, type: 'payment.review_required', body: '{}' },
});

/** The job and the status as they were before the settlement, so that its fence fits again. */
async function unguarded({ claim, laneId, payment }: ClaimedPosting): Promise<void> {
  await sql(
    `INSERT INTO jobs (id, kind, lane_id, payment_id, fence) VALUES ($1, 'post_payment', $2, $3, $4)
     ON CONFLICT (id) DO NOTHING`,
    [claim.jobId, laneId, payment.id, claim.fence],
  );
  await sql(`UPDATE payments SET status = 'posting' WHERE id = $1`, [payment.id]);
}

/** Runs the statement without a part of its text. */
function without(part: string): StatementDeps {
  const run = async (statement: { single: { text: string } }, values: unknown[]) => {
    const text = statement.single.text.replace(part, '');
    if (text === statement.single.text) throw new Error('the statement has no such part');
    return (await practice.owner.pool.query({ text, values })).rows[0];
  };
  return { database: { pool: practice.owner.pool, sets: { run: run as never } } };
}

test('a round is settled once, whatever fence, job and status say', async () => {
  const posting = await claimed();
  expect(await settlePayment(practice, settlementOf(posting, 1))).toBe(true);
  await unguarded(posting);
  expect(await settlePayment(practice, settlementOf(posting, 2))).toBe(false);
  expect(await rounds()).toEqual([1]);

  // Nothing else is left that would have kept it from a second event.
  await unguarded(posting);
  expect(await settlePayment(without('AND p.round = job.round'), settlementOf(posting, 3))).toBe(true);
  expect(await rounds()).toEqual([1, 2]);
});

test('of a settlement and a decision about the same round one takes effect', async () => {
  const posting = await claimed();
  expect(await settlePayment(practice, settlementOf(posting, 1))).toBe(true);
  const paymentId = posting.payment.id.replaceAll('-', '');
  const decide = () =>
    resolvePayment(practice, {
      paymentId,
      userId: null,
      resolution: { outcome: 'not_posted' },
      note: 'x',
      by: SYSTEM,
    });
  const [one, two] = await Promise.all([decide(), decide()]);
  expect([one.outcome, two.outcome].sort()).toEqual(['resolved', 'wrong_state']);
  await unguarded(posting);
  expect(await settlePayment(practice, settlementOf(posting, 2))).toBe(false);
  expect(await rounds()).toEqual([1, 2]);
});
