import { paymentIdToUuid } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type PaymentKey, refusal, type WorklistRefusal } from './refusal.ts';

export type RetryInput = PaymentKey & {
  /** Corrected, where the EMR did not know the one that was given; else the payment keeps its own. */
  paymentMethod?: string | undefined;
  location?: string | undefined;
  by: Actor;
};

export type RetryOutcome =
  /** Accepted again. Its id and its job's number are the same as before. */
  { outcome: 'retrying'; paymentId: string; jobId: number } | WorklistRefusal;

/**
 * The same payment, once more: accepted as on the first day, with a fresh retry horizon. Only from `failed`: such a
 * payment is certainly not in the EMR. One in `needs_review` may be there, and sending it again without a person's word
 * could post it twice; `resolvePayment` with `not_posted` is that word, and makes it `failed`.
 *
 * The new job has the number of the old one (the integrator knows the payment by it) and goes on from its last fence,
 * so that neither an entry that is left in the queue nor a frozen holder of an old claim fits it. Earlier attempts
 * stay: one that is still in doubt is asked about before anything is sent.
 */
const RETRY = {
  name: 'retry-payment',
  text: `
    WITH payment AS (
      UPDATE payments p
         SET status = 'accepted', tried_since = now(), settled_at = NULL, failure_code = NULL, failure_reason = NULL,
             payment_method = coalesce($3, p.payment_method), location = coalesce($4, p.location)
        FROM connections c
       WHERE p.id = $1 AND ($2::int IS NULL OR p.user_id = $2) AND p.status = 'failed' AND c.user_id = p.user_id
      RETURNING p.id, p.job_id, p.last_fence, c.lane_id
    ), job AS (
      INSERT INTO jobs (id, kind, lane_id, payment_id, fence)
      SELECT job_id, 'post_payment', lane_id, id, last_fence FROM payment
    ), ${auditCte({ from: 'payment', at: 5 })}, told AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM payment
    )
    SELECT payment.job_id FROM payment LEFT JOIN told ON true`,
};

/**
 * Tries a failed payment again, after its cause is mended.
 *
 * @param input.userId only a payment of this user; null: of anybody, for the operator.
 */
export async function retryPayment(deps: StatementDeps, input: RetryInput): Promise<RetryOutcome> {
  const { paymentId, userId, paymentMethod, location, by } = input;
  const audit = auditValues({
    ...by,
    action: 'payment.retry',
    subject: `payment:${paymentId}`,
    outcome: 'done',
    detail: {
      ...(paymentMethod === undefined ? {} : { payment_method: paymentMethod }),
      ...(location === undefined ? {} : { location }),
    },
  });
  const [row] = await query<{ job_id: number }>(deps, RETRY, [
    paymentIdToUuid(paymentId),
    userId,
    paymentMethod ?? null,
    location ?? null,
    ...audit,
  ]);
  if (row === undefined) return refusal(deps, input);
  return { outcome: 'retrying', paymentId, jobId: row.job_id };
}
