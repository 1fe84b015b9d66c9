import { CLAIMED, setStatement, UNSYNCED } from '../core/set-statement.ts';
import { queryInSet, type StatementDeps } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';

/** One event for one endpoint, with everything that sending it needs. */
export type ClaimedDelivery = {
  claim: Claim;
  /** Where the trace of its payment continues; null when it is not traced. */
  traceparent: string | null;
  laneId: number;
  deliveryId: number;
  clientPk: number;
  /** Attempts so far, redeliveries included: the next one's number is one more. */
  attempts: number;
  /** How often it was postponed since it became pending. A redelivery or a recovery starts the whole schedule again. */
  tries: number;
  /** How many ends in a row could not be recorded. */
  recordFailures: number;
  event: { id: string; type: string; body: string };
  endpoint: {
    id: string;
    url: string;
    apiVersion: string;
    thin: boolean;
    /** False when the endpoint was disabled or deleted since the event: nothing may be sent. */
    enabled: boolean;
    /** The valid ones, newest first. Each is sealed for the row `webhook_secret:<id>`. */
    secrets: { id: string; sealed: string }[];
  };
};

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
    SELECT job.id AS job_id, job.fence, job.lane_id, job.tries, job.record_failures, job.traceparent, d.id AS delivery_id, d.attempts,
           v.id AS event_id, v.type, v.body, e.client_pk, e.id AS endpoint_id, e.url, e.api_version, e.thin,
           e.disabled_at IS NULL AND e.deleted_at IS NULL AS enabled,
           coalesce((SELECT json_agg(json_build_object('id', s.id, 'sealed', s.sealed) ORDER BY s.created_at DESC)
                       FROM webhook_secrets s
                      WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())), '[]') AS secrets
      FROM job
      CROSS JOIN LATERAL (SELECT * FROM deliveries WHERE event_id = job.event_id AND id = job.delivery_id OFFSET 0) d
      CROSS JOIN LATERAL (SELECT * FROM events WHERE id = job.event_id OFFSET 0) v
      CROSS JOIN LATERAL (SELECT * FROM webhook_endpoints WHERE id = d.endpoint_id OFFSET 0) e
      CROSS JOIN unsynced`,
});

type Row = {
  fence: number;
  traceparent: string | null;
  lane_id: number;
  tries: number;
  record_failures: number;
  client_pk: number;
  delivery_id: number;
  attempts: number;
  event_id: string;
  type: string;
  body: string;
  endpoint_id: string;
  url: string;
  api_version: string;
  thin: boolean;
  enabled: boolean;
  secrets: { id: string; sealed: string }[];
};

/**
 * @returns null when there is nothing to do: the job is finished or held by another worker, or the entry is of an earlier
 *   fence.
 */
export async function claimDelivery(
  deps: StatementDeps,
  { jobId, fence, leaseMs }: Claim & { leaseMs: number },
): Promise<ClaimedDelivery | null> {
  const row = await queryInSet<Row>(deps, CLAIM, { job_id: jobId, fence, lease_ms: leaseMs });
  if (row === undefined) return null;
  return {
    claim: { jobId, fence: row.fence },
    traceparent: row.traceparent,
    laneId: row.lane_id,
    deliveryId: row.delivery_id,
    clientPk: row.client_pk,
    attempts: row.attempts,
    tries: row.tries,
    recordFailures: row.record_failures,
    event: { id: row.event_id, type: row.type, body: row.body },
    endpoint: {
      id: row.endpoint_id,
      url: row.url,
      apiVersion: row.api_version,
      thin: row.thin,
      enabled: row.enabled,
      secrets: row.secrets,
    },
  };
}
