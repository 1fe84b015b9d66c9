import { CLAIMED, setStatement, UNSYNCED } from '../core/set-statement.ts';
import { queryInSet, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import {
  CLAIMED_DELIVERY,
  type ClaimedDelivery,
  type ClaimedDeliveryRow,
  ITS_ENDPOINT,
  toClaimedDelivery,
} from './claimed-delivery.ts';

/**
 * Claims a delivery job, as `claim-posting` does a posting. It does not wait for the disk: if a crash of the server loses the claim, the
 * next one gets the same fence, and both send the event, which may arrive more than once.
 */
const CLAIM = setStatement({
  name: 'claim-delivery',
  columns: { job_id: 'bigint', fence: 'int', lease_ms: 'float8' },
  text: `job AS (
      UPDATE jobs SET fence = jobs.fence + 1, lease_until = now() + make_interval(secs => asked.lease_ms / 1000),
             queued_at = coalesce(jobs.queued_at, now())
        FROM asked WHERE ${CLAIMED} AND (jobs.lease_until IS NULL OR jobs.lease_until < now())
      RETURNING jobs.id, jobs.fence, jobs.lane_id, jobs.event_id, jobs.delivery_id, jobs.tries, jobs.record_failures, jobs.traceparent
    ), ${UNSYNCED}
    SELECT ${CLAIMED_DELIVERY}
      FROM job
      CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE event_id = job.event_id AND id = job.delivery_id OFFSET 0) d
      CROSS JOIN LATERAL (SELECT * FROM events WHERE id = job.event_id OFFSET 0) v
      ${ITS_ENDPOINT}
      CROSS JOIN unsynced`,
});

/**
 * @returns null when there is nothing to do: the job is finished or held by another worker, or the entry is of an earlier
 *   fence.
 */
export async function claimDelivery(
  deps: StatementDeps,
  { jobId, fence, leaseMs }: Claim & { leaseMs: number },
): Promise<ClaimedDelivery | null> {
  const row = await queryInSet<ClaimedDeliveryRow>(deps, CLAIM, { job_id: jobId, fence, lease_ms: leaseMs });
  return row === undefined ? null : toClaimedDelivery(row);
}
