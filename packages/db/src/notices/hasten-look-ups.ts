import { PAYMENT_ID_PATTERN, paymentIdToUuid } from '@emr-payments/contracts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/**
 * Makes the next look-up of submitted payments due now, and notifies the relays. It changes nothing else: a payment in any other
 * state, one whose look-up is under way, and another user's payment stay as they are. The lane's limits, its circuit and a hold
 * decide as ever when the job is fed.
 */
const HASTEN = {
  name: 'hasten-look-ups',
  text: `
    WITH hastened AS (
      UPDATE jobs j SET run_at = now()
        FROM payments p
       WHERE p.id = ANY ($2::uuid[]) AND p.user_id = $1 AND p.status = 'submitted'
         AND j.id = p.job_id AND j.kind = 'post_payment' AND j.queued_at IS NULL AND j.run_at > now()
      RETURNING j.id
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM hastened LIMIT 1) AS any_row
    )
    SELECT count(*)::int AS n FROM hastened LEFT JOIN notified ON true`,
};

const IS_ID = new RegExp(PAYMENT_ID_PATTERN);

/** An EMR names one payment in a notice, or a few. */
const MOST_NAMED = 100;

/**
 * @param input.paymentIds a stranger's texts: those that are no payment id, or another user's, do not count, nor any after the first
 *   hundred.
 * @returns how many look-ups were brought forward.
 */
export async function hastenLookUps(
  deps: StatementDeps,
  { userId, paymentIds }: { userId: number; paymentIds: readonly string[] },
): Promise<number> {
  const uuids = paymentIds
    .filter((id) => IS_ID.test(id))
    .slice(0, MOST_NAMED)
    .map(paymentIdToUuid);
  if (uuids.length === 0) return 0;
  const [row] = await query<{ n: number }>(deps, HASTEN, [userId, uuids]);
  return row?.n ?? 0;
}
