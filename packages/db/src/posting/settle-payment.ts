import { query, type StatementDeps } from '../core/statements.ts';
import { type EventRecord, publishEventCtes } from '../events/publish-event.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/** The outcome of this claim's attempt, if there was one. */
export type AttemptEnd = {
  outcome: 'posted' | 'accepted' | 'refused' | 'not_sent' | 'unknown';
  code?: string;
  /** In our words. */
  detail?: string;
  /** The EMR's own words, sealed for `emrTextRow`. */
  sealedEmrText?: string;
};

export type Settlement = {
  claim: Claim;
  laneId: number;
  clientPk: number;
  result:
    | { status: 'posted'; emrTransactionId: string | null }
    | { status: 'failed' | 'needs_review'; failureCode: string; failureReason: string };
  attempt: AttemptEnd | null;
  event: EventRecord;
};

/**
 * Ends a payment in one commit: writes its status, the attempt's outcome, the one event, and a delivery with its job for
 * each endpoint that wants the event, and deletes the job. The fence decides: a holder of a stale claim finds no job and
 * changes nothing.
 *
 * Where a look-up found the payment in the EMR, the attempts whose outcome was open are closed as posted.
 */
const SETTLE = {
  name: 'settle-payment',
  text: `
    WITH job AS (
      DELETE FROM jobs WHERE id = $1 AND fence = $2 RETURNING id, payment_id
    ), payment AS (
      UPDATE payments p
         SET status = $3::payment_status, round = least(p.round + 1, 32767), settled_at = now(), emr_transaction_id = $4,
             failure_code = $5, failure_reason = $6, last_fence = $2
        FROM job WHERE p.id = job.payment_id AND p.status IN ('posting', 'submitted')
      RETURNING p.id, p.user_id, p.round, job.id AS job_id
    ), attempt AS (
      UPDATE posting_attempts a SET outcome = $7, code = $8, detail = $9, emr_text = $15, finished_at = now() FROM payment
       WHERE $7::text IS NOT NULL AND a.payment_id = payment.id AND a.number = $2
    ), doubtful AS (
      UPDATE posting_attempts a SET outcome = 'posted', finished_at = coalesce(a.finished_at, now()) FROM payment
       WHERE $3 = 'posted' AND a.payment_id = payment.id AND (a.outcome IS NULL OR a.outcome IN ('unknown', 'accepted'))
         AND NOT ($7::text IS NOT NULL AND a.number = $2)
    ), ${publishEventCtes({ from: 'payment', markers: { id: '$10', type: '$11', body: '$12', clientPk: '$13' } })}, lane AS (
      UPDATE lanes SET failures = 0, open_until = NULL WHERE id = $14 AND ($3 = 'posted' OR $7 = 'refused') AND failures > 0
    )
    SELECT payment.round FROM payment`,
};

/** @returns false when the claim is no longer ours: nothing was changed. */
export async function settlePayment(deps: StatementDeps, settlement: Settlement): Promise<boolean> {
  const { claim, laneId, clientPk, result, attempt, event } = settlement;
  const posted = result.status === 'posted';
  const rows = await query(deps, SETTLE, [
    claim.jobId,
    claim.fence,
    result.status,
    posted ? result.emrTransactionId : null,
    posted ? null : result.failureCode,
    posted ? null : result.failureReason,
    attempt?.outcome ?? null,
    attempt?.code ?? null,
    attempt?.detail ?? null,
    event.id,
    event.type,
    event.body,
    clientPk,
    laneId,
    attempt?.sealedEmrText ?? null,
  ]);
  return rows.length === 1;
}
