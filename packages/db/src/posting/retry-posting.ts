import { query, type StatementDeps } from '../core/statements.ts';
import { BROKEN_LOGINS } from '../health/broken-login-codes.ts';
import { dueAfterStop } from '../health/gate.ts';
import { ANSWERING_LANE, failedLane, NOT_OPEN } from '../jobs/lane-circuit.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import type { AttemptEnd } from './settle-payment.ts';

/**
 * State of the far end, as the attempt found it: it answers, it fails, or it asked all callers to wait. `none`: the attempt
 * says nothing about it, because a fault of ours came first.
 */
export type FarEnd = 'answering' | 'failing' | 'throttling' | 'none';

/** Why a payment is put off: the answer to the try, in our words. It is shown to the integrator. */
export type Postponement = {
  /** `submitted`: the EMR has accepted the payment for later. A submitted payment never becomes `retrying` again. */
  status: 'retrying' | 'submitted';
  code: string;
  reason: string;
  /** From now, in milliseconds. */
  delayMs: number;
  farEnd: FarEnd;
  /** From now, in milliseconds: for how long a far end that is `throttling` is not called. Absent: as long as the payment waits. */
  pauseMs?: number;
  /**
   * A try after which the retry horizon begins again: a person had to remove what prevented it, or its end could not be recorded.
   * `login`: the broken login stops the connection, not even a try is counted, and the payment is due after the stop. null for every
   * other.
   */
  uncounted: 'prevented' | 'login' | 'not_recorded' | null;
};

/** Longest time that an EMR's circuit stays open before the next probe. */
const FAILED_LANE = failedLane({ longestSeconds: 60 });

/**
 * Releases a payment until later: closes the attempt, makes the payment `retrying` or `submitted`, and lets the job wait with
 * the answer to this try. The attempts of former holders that were lost are closed as unknown, so that the time since then
 * counts (`unresolvedMs`). A failure of the far end counts towards its lane's circuit, which opens for longer the longer the
 * failures go on.
 */
const RETRY = {
  name: 'retry-posting',
  text: `
    WITH stop AS MATERIALIZED (
      ${dueAfterStop('(SELECT c.user_id FROM jobs j JOIN connections c ON c.lane_id = j.lane_id WHERE j.id = $1)', "$11 = 'login'")}
    ), job AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = fence + 1, tries = least(tries + CASE WHEN $11 = 'login' THEN 0 ELSE 1 END, 1000),
             run_at = coalesce((SELECT until FROM stop), now() + make_interval(secs => $3 / 1000.0)),
             rejected_at = CASE WHEN $9 IN (${BROKEN_LOGINS}) THEN now() ELSE rejected_at END,
             same_answers = CASE WHEN last_code = $9 AND last_reason = $10 THEN same_answers + 1 ELSE 1 END,
             last_code = $9, last_reason = $10, record_failures = CASE WHEN $11 = 'not_recorded' THEN record_failures + 1 ELSE 0 END
       WHERE id = $1 AND fence = $2
      RETURNING payment_id, lane_id, same_answers
    ), payment AS (
      UPDATE payments p
         SET status = CASE p.status WHEN 'submitted' THEN p.status ELSE $8::payment_status END,
             tried_since = CASE WHEN $11::text IS NOT NULL THEN now() ELSE p.tried_since END
        FROM job WHERE p.id = job.payment_id AND p.status IN ('posting', 'submitted')
    ), attempt AS (
      UPDATE posting_attempts a SET outcome = $4, code = $5, detail = $6, emr_text = $12, finished_at = now() FROM job
       WHERE $4::text IS NOT NULL AND a.payment_id = job.payment_id AND a.number = $2
    ), lost AS (
      UPDATE posting_attempts a SET outcome = 'unknown', finished_at = now(), detail = 'The worker ended before it recorded an answer.' FROM job
       WHERE a.payment_id = job.payment_id AND a.number < $2 AND a.outcome IS NULL
    ), lane AS (
      UPDATE lanes SET ${FAILED_LANE}
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'failing' AND ${NOT_OPEN}
    ), answering AS (
      UPDATE lanes SET ${ANSWERING_LANE}
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'answering' AND lanes.failures > 0
    ), paused AS (
      UPDATE lanes SET open_until = now() + make_interval(secs => $13::float8 / 1000.0)
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'throttling' AND lanes.bucket_id IS NULL AND ${NOT_OPEN}
    )
    SELECT same_answers FROM job`,
};

/**
 * @param input.postponement its `farEnd`: `answering` closes the lane's circuit, `failing` counts towards it, `throttling`
 *   pauses the lane if it has no bucket (one was paused by the call itself), `none` leaves it as it is.
 * @returns how many tries in a row have had this answer; null when the claim is no longer ours: nothing was changed.
 */
export async function retryPosting(
  deps: StatementDeps,
  input: { claim: Claim; attempt: AttemptEnd | null; postponement: Postponement },
): Promise<{ sameAnswers: number } | null> {
  const { claim, attempt, postponement } = input;
  const [row] = await query<{ same_answers: number }>(deps, RETRY, [
    claim.jobId,
    claim.fence,
    postponement.delayMs,
    attempt?.outcome ?? null,
    attempt?.code ?? null,
    attempt?.detail ?? null,
    postponement.farEnd,
    postponement.status,
    postponement.code,
    postponement.reason,
    postponement.uncounted,
    attempt?.sealedEmrText ?? null,
    postponement.pauseMs ?? postponement.delayMs,
  ]);
  return row === undefined ? null : { sameAnswers: row.same_answers };
}
