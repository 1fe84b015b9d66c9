import { JOBS_CHANNEL } from '../core/jobs-channel.ts';

/** An event that is written once; `body` is the exact text that is signed and sent. */
export type EventRecord = { id: string; type: string; body: string };

/**
 * The CTEs by which the statement that ends a payment tells of it, in the same commit: the one event of this round, a
 * delivery for each endpoint that wants it, and their jobs. A statement that joins `told` calls the relays too. A worker's
 * does not: its own relay looks again after each job, and a commit that notifies waits for every other one that does.
 *
 * @param input.from a CTE with the settled payment's id, user_id, round and job_id: no row, no event.
 * @param input.id number of the parameter with the event's id; type, body and clientPk likewise.
 * @param input.except a CTE with the ids of endpoints that are not told.
 */
export function tellEventCtes(input: {
  from: string;
  id: number;
  type: number;
  body: number;
  clientPk: number;
  except?: string;
}): string {
  const { from, id, type, body, clientPk, except } = input;
  const others = except === undefined ? '' : `AND e.id NOT IN (SELECT id FROM ${except})`;
  return `event AS (
      INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body)
      SELECT $${id}, $${clientPk}, user_id, id, round, job_id, $${type}, $${body} FROM ${from}
      RETURNING id
    ), delivery AS (
      INSERT INTO deliveries (event_id, endpoint_id)
      SELECT event.id, e.id FROM event JOIN webhook_endpoints e
          ON e.client_pk = $${clientPk} AND e.disabled_at IS NULL AND e.deleted_at IS NULL
         AND (e.event_types = '{}' OR $${type} = ANY (e.event_types)) ${others}
      RETURNING id, endpoint_id
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, delivery_id)
      SELECT 'deliver_webhook', e.lane_id, d.id FROM delivery d JOIN webhook_endpoints e ON e.id = d.endpoint_id
    ), told AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM delivery LIMIT 1) AS any_row
    )`;
}
