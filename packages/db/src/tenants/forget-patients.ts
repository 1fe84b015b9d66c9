import type { Actor } from '../audit/entry.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { startHold } from '../holds/switch-hold.ts';

/** Patients in one statement, which is done well below its limit of time. */
const CHUNK = 20_000;

/** Rows are locked in the order in which imports and syncs write them. */
const FORGET = {
  name: 'forget-found-patients',
  text: `
    WITH page AS MATERIALIZED (
      SELECT mrn FROM patients WHERE user_id = $1 AND source <> 'import' ORDER BY mrn COLLATE "C" LIMIT ${CHUNK} FOR UPDATE
    ), gone AS (
      DELETE FROM patients WHERE user_id = $1 AND mrn = ANY (ARRAY(SELECT mrn FROM page)) AND source <> 'import' RETURNING 1
    )
    SELECT count(*)::int AS count FROM gone`,
};

/** The payments are counted by their jobs: a settled one has none. */
const LEFT = {
  name: 'count-kept-patients',
  text: `
    SELECT (SELECT count(*)::int FROM patients WHERE user_id = $1 AND emr_patient_id IS NOT NULL) AS kept,
           (SELECT count(*)::int FROM jobs j WHERE j.lane_id = (SELECT lane_id FROM connections WHERE user_id = $1)
              AND NOT EXISTS (SELECT FROM posting_attempts a WHERE a.payment_id = j.payment_id AND coalesce(a.outcome NOT IN ('not_sent', 'absent', 'refused'), true))) AS waiting`,
};

const REASON =
  'The connection was changed while payments waited that were accepted before, and an MRN may be another patient over it.';

export type ForgottenPatients = {
  /** Ids that a look-up or a sync had found. */
  forgotten: number;
  /** Ids that a file or the integrator has given: people answer for them. */
  kept: number;
  /** Payments of which nothing can have left. They were accepted for patients of the former connection, and wait under a hold of the user. */
  waiting: number;
};

/**
 * Forgets which patients look-ups and syncs have found over the former connection of a user whose row is locked, because an MRN may be
 * another patient over the present one. Later payments look them up again. What a look-up or a sync of the former connection finds after
 * this is not written: its connection is no longer the present one.
 *
 * Payments that wait were accepted with ids of the former connection, which can be somebody else's here. So the user is put on hold with the
 * same commit: a person syncs or imports the patients, and ends the hold. They go to the ids that their MRNs have then (`redirectPosting`).
 */
export async function forgetFoundPatients(
  tx: Transaction,
  { userId, publicId, by }: { userId: number; publicId: string; by: Actor },
): Promise<ForgottenPatients> {
  let forgotten = 0;
  for (;;) {
    const [row] = await query<{ count: number }>(tx, FORGET, [userId]);
    const count = row?.count ?? 0;
    forgotten += count;
    if (count < CHUNK) break;
  }
  const [left] = await query<{ kept: number; waiting: number }>(tx, LEFT, [userId]);
  if (left === undefined) throw new Error('count-kept-patients returned no row');
  if (left.waiting > 0) await startHold(tx, { scope: { userId, publicId }, reason: REASON, by });
  return { forgotten, ...left };
}
