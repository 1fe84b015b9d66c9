import { query, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import type { DeliveryAttemptRecord } from './record-delivery.ts';

/**
 * The usual end of a delivery, in one commit: the job's end, the delivery's and its attempt, and the end of a run of failures
 * if there was one. By itself, because all that a failure may bring with it makes `record-delivery` several times dearer.
 */
const DELIVERED = {
  name: 'record-delivered',
  text: `
    WITH job AS (
      DELETE FROM jobs WHERE id = $1 AND fence = $2 RETURNING lane_id, delivery_id
    ), recorded AS (
      UPDATE deliveries d SET status = 'delivered', attempts = d.attempts + 1, finished_at = now()
        FROM job WHERE d.id = job.delivery_id
      RETURNING d.id, d.attempts, d.endpoint_id
    ), attempt AS (
      INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms, http_status, excerpt)
      SELECT id, attempts, $3, $4, $5, $6 FROM recorded
    ), endpoint AS (
      UPDATE webhook_endpoints e SET failing_since = NULL
        FROM recorded WHERE e.id = recorded.endpoint_id AND e.failing_since IS NOT NULL
    ), healthy AS (
      UPDATE lanes SET failures = 0, open_until = NULL FROM job WHERE lanes.id = job.lane_id AND lanes.failures > 0
    )
    SELECT 1 FROM job`,
};

/** @returns false when the claim is no longer ours: nothing was changed. */
export async function recordDelivered(
  deps: StatementDeps,
  { claim, attempt }: { claim: Claim; attempt: DeliveryAttemptRecord },
): Promise<boolean> {
  const { startedAt, durationMs, httpStatus, excerpt } = attempt;
  const values = [claim.jobId, claim.fence, startedAt, durationMs, httpStatus, excerpt];
  return (await query(deps, DELIVERED, values)).length === 1;
}
