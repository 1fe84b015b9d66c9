import { query, type StatementDeps } from '../core/statements.ts';

/** A posted payment, with everything that a search for its entry in the EMR needs. */
export type KnownEntry = {
  /** The payment's id, a UUID. */
  id: string;
  emrPatientId: string;
  amount: string;
  depositDate: string;
  /** When it was sent, and until when that send can have left. */
  sentAt: Date;
  leftBy: Date;
};

/**
 * Older payments only: newer ones mostly wait while one is in doubt, and would all be passed over. Of the last hundred, those at the
 * payment's location come first, because a right at the EMR can be one for a location.
 */
export const FIND_KNOWN = {
  name: 'find-known-entries',
  text: `
    SELECT p.id, p.emr_patient_id AS "emrPatientId", p.amount::text, p.deposit_date::text AS "depositDate", a.sent_at AS "sentAt", a.left_by AS "leftBy"
      FROM (SELECT job_id, location, created_at FROM payments WHERE id = $1 AND user_id = $2) asked
      CROSS JOIN LATERAL (
        SELECT p.id, p.emr_patient_id, p.amount, p.deposit_date, p.location, p.job_id FROM payments p
         WHERE p.user_id = $2 AND p.created_at <= asked.created_at AND p.job_id < asked.job_id AND p.status = 'posted'
         ORDER BY p.created_at DESC, p.id DESC LIMIT 100
      ) p
      CROSS JOIN LATERAL (
        SELECT sent_at, coalesce(finished_at, sent_at) AS left_by FROM posting_attempts
         WHERE payment_id = p.id AND outcome = 'posted' AND sent_to = $3 ORDER BY number DESC LIMIT 1
      ) a
     ORDER BY (p.location = asked.location) DESC, p.job_id DESC LIMIT $4`,
};

/**
 * Finds payments that the EMR took before another one and must still have, the likeliest to be shown first.
 *
 * @param input.paymentId the other payment, a UUID of the user's.
 * @param input.place where they were sent (`EmrAdapter.place`).
 * @param input.limit most entries.
 */
export async function findKnownEntries(
  deps: StatementDeps,
  { paymentId, userId, place, limit }: { paymentId: string; userId: number; place: string; limit: number },
): Promise<KnownEntry[]> {
  return query<KnownEntry>(deps, FIND_KNOWN, [paymentId, userId, place, limit]);
}
