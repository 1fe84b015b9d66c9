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

export type ClaimedDeliveryRow = {
  job_id: string | number;
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

/** The columns of a claimed delivery: of its job `job`, the delivery `d`, the event `v`, and the endpoint `e` (`ITS_ENDPOINT`). */
export const CLAIMED_DELIVERY = `
  job.id AS job_id, job.fence, job.lane_id, job.tries, job.record_failures, job.traceparent, d.id AS delivery_id, d.attempts,
  v.id AS event_id, v.type, v.body, e.client_pk, e.id AS endpoint_id, e.url, e.api_version, e.thin,
  e.disabled_at IS NULL AND e.deleted_at IS NULL AS enabled,
  coalesce((SELECT json_agg(json_build_object('id', s.id, 'sealed', s.sealed) ORDER BY s.created_at DESC)
              FROM webhook_secrets s
             WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())), '[]') AS secrets`;

/** Joins the endpoint `e` of the delivery `d`, which is looked up by its id whatever the planner knows of the tables. */
export const ITS_ENDPOINT = `CROSS JOIN LATERAL (SELECT * FROM webhook_endpoints WHERE id = d.endpoint_id OFFSET 0) e`;

export const toClaimedDelivery = (row: ClaimedDeliveryRow): ClaimedDelivery => ({
  claim: { jobId: String(row.job_id), fence: row.fence },
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
});
