import { paymentIdToUuid } from '@emr-payments/contracts';
import { activeSpan } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { ROUND_STEP } from '../restore/fence-step.ts';
import { type PaymentKey, refusal, type WorklistRefusal } from './refusal.ts';

export type RetryInput = PaymentKey & {
  /** A correction, where the EMR did not know the given one; without it the payment keeps its own. */
  paymentMethod?: string | undefined;
  location?: string | undefined;
  by: Actor;
};

export type RetryOutcome =
  /**
   * Accepted again, with the same payment id and job number as before. `redirected`: its MRN has another EMR patient id now than at the
   * last try, and the payment goes there.
   */
  | { outcome: 'retrying'; paymentId: string; jobId: number; redirected: boolean }
  /** It has been settled `MOST_ROUNDS` times. */
  | { outcome: 'too_often' }
  /** Its MRN has no EMR patient id any more: a new payment would be refused too. */
  | { outcome: 'patient_not_found'; mrn: string }
  /** Its MRN has another EMR patient id now, and it may have been sent to the former one in the time that a restore has lost. */
  | { outcome: 'patient_changed' }
  | WorklistRefusal;

/**
 * A payment that has been settled this many times is not tried again. Each round has an event, all of which are read with the payment,
 * and the column of the rounds ends at 32,767.
 */
export const MOST_ROUNDS = 1_000;

/**
 * How often a payment has been settled: what restores of backups have added is no settlement, and a payment that they put in
 * doubt must not be refused with the words that it is not in the EMR. Each restore leaves an attempt with a negative number.
 */
const SETTLED_TIMES = `p.round - ${ROUND_STEP} * (SELECT count(*) FROM posting_attempts a WHERE a.payment_id = p.id AND a.number < 0)`;

/** A restore has put the payment in doubt, and no look-up or person has ended that: it may have been retried, and posted, in the lost time. */
const IN_DOUBT = `EXISTS (SELECT FROM posting_attempts a WHERE a.payment_id = p.id AND a.number < 0 AND a.outcome = 'unknown')`;

/** The audit log has no ids of patients. */
const DETAIL = `:detail::jsonb || CASE WHEN redirected THEN '{"patient": "changed"}' ELSE '{}' END::jsonb`;

/** A row of `patients` that is the payment's. */
const ITS_PATIENT = 'm.user_id = p.user_id AND m.mrn = p.patient_mrn';

/**
 * Makes a failed payment `accepted` again, with a fresh retry horizon. Only `failed` qualifies, because such a payment is
 * certainly not in the EMR. One in `needs_review` may be there, so sending it again could post it twice: a person must
 * first decide with `resolvePayment` and `not_posted`, which makes it `failed`.
 *
 * The new job has the number of the old one, by which the integrator knows the payment, and a fence above the old job's
 * last one, so that neither an entry left in the queue nor a holder of an old claim fits it: not even the one that settled the payment,
 * which repeats the settlement when its answer was lost. Earlier attempts are kept: where the outcome of one is unknown, the EMR is
 * asked before anything is sent.
 *
 * The payment goes to the EMR patient id that its MRN has now: the former one may be why it failed, or have been corrected since. It is not in
 * the EMR, so nothing is lost by looking for it under the new id alone. Only after a restore that is not so, because a send of the lost time
 * went to an id that nobody knows: then the id may not change.
 */
const RETRY = named({
  name: 'retry-payment',
  values: ['id', 'userId', 'paymentMethod', 'location', 'traceparent', ...AUDIT_VALUES],
  text: `
    WITH payment AS (
      UPDATE payments p
         SET status = 'accepted', tried_since = now(), settled_at = NULL, failure_code = NULL, failure_reason = NULL,
             payment_method = coalesce(:paymentMethod, p.payment_method), location = coalesce(:location, p.location),
             emr_patient_id = m.emr_patient_id
        FROM connections c, patients m
       WHERE p.id = :id AND (:userId::int IS NULL OR p.user_id = :userId) AND p.status = 'failed' AND ${SETTLED_TIMES} < ${MOST_ROUNDS} AND c.user_id = p.user_id
         AND ${ITS_PATIENT} AND m.emr_patient_id IS NOT NULL AND (m.emr_patient_id = p.emr_patient_id OR NOT ${IN_DOUBT})
      RETURNING p.id, p.job_id, p.last_fence, c.lane_id,
                -- What this statement reads is from before it.
                p.emr_patient_id <> (SELECT former.emr_patient_id FROM payments former WHERE former.id = :id) AS redirected
    ), job AS (
      INSERT INTO jobs (id, kind, lane_id, payment_id, fence, traceparent)
      SELECT job_id, 'post_payment', lane_id, id, last_fence + 1, :traceparent FROM payment
    ), ${auditCte({ from: 'payment', detail: DETAIL })}, notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM payment
    )
    SELECT payment.job_id, payment.redirected FROM payment LEFT JOIN notified ON true`,
});

const WHY_NOT = {
  name: 'find-why-not-retried',
  text: `
    SELECT p.patient_mrn AS mrn, ${SETTLED_TIMES} >= ${MOST_ROUNDS} AS often, m.emr_patient_id IS NULL AS gone, m.emr_patient_id <> p.emr_patient_id AND ${IN_DOUBT} AS doubtful
      FROM payments p LEFT JOIN patients m ON ${ITS_PATIENT}
     WHERE p.id = $1 AND ($2::int IS NULL OR p.user_id = $2) AND p.status = 'failed'`,
};

/**
 * Tries a failed payment again, after the cause of its failure has been removed.
 *
 * @param input.userId only a payment of this user; null: of any user, for the operator.
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
  const id = paymentIdToUuid(paymentId);
  const values = RETRY.values({
    id,
    userId,
    paymentMethod: paymentMethod ?? null,
    location: location ?? null,
    // The trace of the request for the retry: that of the payment's acceptance ended with its job.
    traceparent: activeSpan()?.traceparent ?? null,
    ...audit,
  });
  const [row] = await query<{ job_id: number; redirected: boolean }>(deps, RETRY, values);
  if (row !== undefined)
    return { outcome: 'retrying', paymentId, jobId: row.job_id, redirected: row.redirected };
  type Why = { mrn: string; often: boolean; gone: boolean; doubtful: boolean };
  const [why] = await query<Why>(deps, WHY_NOT, [id, userId]);
  if (why?.often === true) return { outcome: 'too_often' };
  if (why?.gone === true) return { outcome: 'patient_not_found', mrn: why.mrn };
  if (why?.doubtful === true) return { outcome: 'patient_changed' };
  return refusal(deps, input);
}
