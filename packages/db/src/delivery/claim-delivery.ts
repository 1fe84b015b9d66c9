import { CLAIMED, setStatement, UNSYNCED } from '../core/set-statement.ts';
import { query, queryInSet, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import {
  CLAIMED_DELIVERY,
  type ClaimedDelivery,
  type ClaimedDeliveryRow,
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
      LEFT JOIN LATERAL (SELECT * FROM deliveries WHERE event_id = job.event_id AND id = job.delivery_id OFFSET 0) d ON true
      LEFT JOIN LATERAL (SELECT * FROM events WHERE id = job.event_id OFFSET 0) v ON true
      LEFT JOIN LATERAL (SELECT * FROM webhook_endpoints WHERE id = d.endpoint_id OFFSET 0) e ON true
      CROSS JOIN unsynced`,
});

/** Removes a job whose delivery or event was removed while it was made. There is nothing to send, and nothing else would end it. */
const END = {
  name: 'end-job-without-delivery',
  text: `
    WITH job AS (DELETE FROM jobs WHERE id = $1 AND fence = $2 RETURNING event_id, delivery_id)
    DELETE FROM deliveries d USING job WHERE d.event_id = job.event_id AND d.id = job.delivery_id`,
};

type Row =
  | ClaimedDeliveryRow
  | (Pick<ClaimedDeliveryRow, 'fence'> & { delivery_id: number | null; event_id: string | null });

const isWhole = (row: Row): row is ClaimedDeliveryRow => row.delivery_id !== null && row.event_id !== null;

/**
 * @returns null when there is nothing to do: the job is finished or held by another worker, the entry is of an earlier
 *   fence, or the event was removed.
 */
export async function claimDelivery(
  deps: StatementDeps,
  { jobId, fence, leaseMs }: Claim & { leaseMs: number },
): Promise<ClaimedDelivery | null> {
  const row = await queryInSet<Row>(deps, CLAIM, { job_id: jobId, fence, lease_ms: leaseMs });
  if (row === undefined) return null;
  if (isWhole(row)) return toClaimedDelivery(row);
  await query(deps, END, [jobId, row.fence]);
  return null;
}
