import { type Database, query } from '../database.ts';
import { failedLane, NOT_OPEN } from './lane-circuit.ts';
import type { Claim } from './renew-leases.ts';

export type DeliveryAttemptRecord = {
  startedAt: Date;
  durationMs: number;
  httpStatus: number | null;
  /** null after a 2xx. */
  errorKind: string | null;
  excerpt: string | null;
};

export type DeliveryRecord = {
  claim: Claim;
  laneId: number;
  /** null when nothing was sent. */
  attempt: DeliveryAttemptRecord | null;
  next: { status: 'delivered' } | { status: 'failed' | 'canceled' } | { status: 'pending'; delayMs: number };
  /** Set when the endpoint asked for nothing more (410), or may not be sent to any more. */
  disableEndpoint: string | null;
};

/** Longest that an endpoint's circuit stays open before the next probe. */
const FAILED_LANE = failedLane({ longestSeconds: 300 });

/**
 * The end of a delivery attempt, in one commit: the attempt, the delivery's state, the job's end or its next time, the
 * circuit of the endpoint's lane, and since when the endpoint has been failing.
 */
const RECORD = {
  name: 'record-delivery',
  text: `
    WITH job AS MATERIALIZED (
      SELECT id, lane_id, delivery_id FROM jobs WHERE id = $1 AND fence = $2 FOR UPDATE
    ), ended AS (
      DELETE FROM jobs USING job WHERE jobs.id = job.id AND $3 <> 'pending'
    ), postponed AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = jobs.fence + 1, run_at = now() + make_interval(secs => $4 / 1000.0)
        FROM job WHERE jobs.id = job.id AND $3 = 'pending'
    ), delivery AS (
      UPDATE deliveries d
         SET status = $3::delivery_status, attempts = d.attempts + CASE WHEN $5::timestamptz IS NULL THEN 0 ELSE 1 END,
             finished_at = CASE WHEN $3 <> 'pending' THEN now() END
        FROM job WHERE d.id = job.delivery_id
      RETURNING d.id, d.attempts, d.endpoint_id
    ), attempt AS (
      INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms, http_status, error_kind, excerpt)
      SELECT id, attempts, $5, $6, $7, $8, $9 FROM delivery WHERE $5::timestamptz IS NOT NULL
    ), endpoint AS (
      UPDATE webhook_endpoints e
         SET failing_since = CASE WHEN $3 = 'delivered' THEN NULL ELSE coalesce(e.failing_since, now()) END,
             disabled_at = CASE WHEN $10::text IS NULL THEN e.disabled_at ELSE coalesce(e.disabled_at, now()) END,
             disabled_reason = coalesce(e.disabled_reason, $10)
        FROM delivery
       WHERE e.id = delivery.endpoint_id AND $5::timestamptz IS NOT NULL
         AND ($10::text IS NOT NULL OR (e.failing_since IS NULL) = ($3 <> 'delivered'))
    ), healthy AS (
      UPDATE lanes SET failures = 0, open_until = NULL
        FROM job WHERE lanes.id = job.lane_id AND $3 = 'delivered' AND lanes.failures > 0
    ), failing AS (
      UPDATE lanes SET ${FAILED_LANE}
        FROM job WHERE lanes.id = job.lane_id AND $5::timestamptz IS NOT NULL AND $3 <> 'delivered' AND ${NOT_OPEN}
    )
    SELECT 1 FROM job`,
};

/** @returns false when the claim is no longer ours: nothing was changed. */
export async function recordDelivery(deps: Pick<Database, 'pool'>, record: DeliveryRecord): Promise<boolean> {
  const { claim, attempt, next, disableEndpoint } = record;
  const rows = await query(deps, RECORD, [
    claim.jobId,
    claim.fence,
    next.status,
    next.status === 'pending' ? next.delayMs : 0,
    attempt?.startedAt ?? null,
    attempt?.durationMs ?? null,
    attempt?.httpStatus ?? null,
    attempt?.errorKind ?? null,
    attempt?.excerpt ?? null,
    disableEndpoint,
  ]);
  return rows.length === 1;
}
