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

const ENTRY = 'p.id, p.emr_patient_id, p.amount, p.deposit_date, p.location, p.job_id';

/**
 * Of the last hundred older payments that were posted, and of the next hundred payments, which mostly wait while one is in doubt. Those come
 * first that were sent after the other payment can have left, and long enough ago to be shown; of newer payments no others are of use. Then
 * those at the payment's location, because a right at the EMR can be one for a location. Then the first that was sent later: it is shown as soon
 * as the payment would be.
 */
export const FIND_KNOWN = {
  name: 'find-known-entries',
  text: `
    SELECT p.id, p.emr_patient_id AS "emrPatientId", p.amount::text, p.deposit_date::text AS "depositDate", a.sent_at AS "sentAt", a.left_by AS "leftBy"
      FROM (SELECT job_id, location, created_at FROM payments WHERE id = $1 AND user_id = $2) asked
      CROSS JOIN LATERAL (
        (SELECT ${ENTRY} FROM payments p
          WHERE p.user_id = $2 AND p.created_at <= asked.created_at AND p.job_id < asked.job_id AND p.status = 'posted'
          ORDER BY p.created_at DESC, p.id DESC LIMIT 100)
        UNION ALL
        (SELECT ${ENTRY} FROM (
           SELECT * FROM payments p WHERE p.user_id = $2 AND p.created_at >= asked.created_at AND p.job_id > asked.job_id
            ORDER BY p.created_at, p.id LIMIT 100
         ) p WHERE p.status = 'posted')
      ) p
      CROSS JOIN LATERAL (
        SELECT sent_at, coalesce(finished_at, sent_at) AS left_by FROM posting_attempts
         WHERE payment_id = p.id AND outcome = 'posted' AND sent_to = $3 ORDER BY number DESC LIMIT 1
      ) a
      CROSS JOIN LATERAL (
        SELECT coalesce(a.sent_at > $5::timestamptz AND a.left_by < now() - make_interval(secs => $6::float8 / 1000), false) AS is_later
      ) l
     WHERE l.is_later OR p.job_id < asked.job_id
     ORDER BY l.is_later DESC, (p.location = asked.location) DESC, CASE WHEN l.is_later THEN a.sent_at END, p.job_id DESC LIMIT $4`,
};

/**
 * Finds other payments that the EMR has taken and must still have, the likeliest to be shown first; before all, those that it took after the
 * payment: a search that shows one of these is not behind.
 *
 * @param input.paymentId the payment, a UUID of the user's.
 * @param input.place where they were sent (`EmrAdapter.place`).
 * @param input.limit most entries.
 * @param input.leftBy until when the payment can have left; null when that is not known.
 * @param input.settleMs how long after its send the EMR must show an entry.
 */
export async function findKnownEntries(
  deps: StatementDeps,
  input: {
    paymentId: string;
    userId: number;
    place: string;
    limit: number;
    leftBy: Date | null;
    settleMs: number;
  },
): Promise<KnownEntry[]> {
  const { paymentId, userId, place, limit, leftBy, settleMs } = input;
  return query<KnownEntry>(deps, FIND_KNOWN, [paymentId, userId, place, limit, leftBy, settleMs]);
}
