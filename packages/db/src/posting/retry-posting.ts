import { query, type StatementDeps } from '../core/statements.ts';
import { failedLane, NOT_OPEN } from '../jobs/lane-circuit.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import type { AttemptEnd } from './settle-payment.ts';

/** State of the far end, as the attempt found it: it answers, it fails, or it asked all callers to wait. */
export type FarEnd = 'answering' | 'failing' | 'throttling';

/** Longest time that an EMR's circuit stays open before the next probe. */
const FAILED_LANE = failedLane({ longestSeconds: 60 });

/**
 * Releases a payment until later: closes the attempt, makes the payment `retrying`, and lets the job wait. A failure of
 * the far end counts towards its lane's circuit, which opens for longer the longer the failures go on.
 */
const RETRY = {
  name: 'retry-posting',
  text: `
    WITH job AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = fence + 1, tries = least(tries + 1, 1000), run_at = now() + make_interval(secs => $3 / 1000.0)
       WHERE id = $1 AND fence = $2
      RETURNING payment_id, lane_id
    ), payment AS (
      UPDATE payments p SET status = 'retrying' FROM job WHERE p.id = job.payment_id AND p.status = 'posting'
    ), attempt AS (
      UPDATE posting_attempts a SET outcome = $4, code = $5, detail = $6, emr_text = $8, finished_at = now() FROM job
       WHERE $4::text IS NOT NULL AND a.payment_id = job.payment_id AND a.number = $2
    ), lane AS (
      UPDATE lanes SET ${FAILED_LANE}
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'failing' AND ${NOT_OPEN}
    ), answering AS (
      UPDATE lanes SET failures = 0, open_until = NULL
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'answering' AND lanes.failures > 0
    ), paused AS (
      UPDATE lanes SET open_until = now() + make_interval(secs => $3 / 1000.0)
        FROM job WHERE lanes.id = job.lane_id AND $7 = 'throttling' AND ${NOT_OPEN}
    )
    SELECT 1 FROM job`,
};

/**
 * @param input.delayMs from now.
 * @param input.farEnd `answering` closes the lane's circuit, `failing` counts towards it, `throttling` pauses the whole lane
 *   for the delay.
 * @returns false when the claim is no longer ours: nothing was changed.
 */
export async function retryPosting(
  deps: StatementDeps,
  input: { claim: Claim; delayMs: number; attempt: AttemptEnd | null; farEnd: FarEnd },
): Promise<boolean> {
  const { claim, delayMs, attempt, farEnd } = input;
  const rows = await query(deps, RETRY, [
    claim.jobId,
    claim.fence,
    delayMs,
    attempt?.outcome ?? null,
    attempt?.code ?? null,
    attempt?.detail ?? null,
    farEnd,
    attempt?.sealedEmrText ?? null,
  ]);
  return rows.length === 1;
}
