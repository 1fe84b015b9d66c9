import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

/** An event is written once and never changed; `body` is the exact text that is signed and sent. */
export type EventRecord = { id: string; type: string; body: string };

/** The values of `publishEventCtes` in a statement with named values. */
export const EVENT_VALUES = ['eventId', 'eventType', 'eventBody', 'clientPk'] as const;

/** The same markers, for a statement that numbers its values, or has them in columns of the CTE `from`. */
export type EventMarkers = { id: string; type: string; body: string; clientPk: string };

const NAMED: EventMarkers = { id: ':eventId', type: ':eventType', body: ':eventBody', clientPk: ':clientPk' };

/**
 * CTEs that publish an event in the commit of the statement that they are part of: the event itself, a delivery for each
 * endpoint that wants it, and the job of each delivery.
 *
 * Endpoints are looked up one by one (LATERAL, OFFSET): a plan that was made when there were few would read all of them.
 *
 * A statement that joins `notified` also notifies the relays. The statements of the worker do not join it: the worker's
 * own relay looks for due jobs after each job, and commits that notify wait for each other.
 *
 * A payment has one event for each round. No index can guard that across partitions: the statement raises `payments.round` by compare-and-set,
 * from the round that was read with what the event says.
 *
 * @param input.from a CTE with the settled payment's id, user_id, round and job_id: no row, no event.
 * @param input.markers of the event's id, type and body and of its client; named ones (`EVENT_VALUES`) by default.
 * @param input.atOnce SQL for the time at which the new job of a lane (`lane.id`) is marked as queued; so many of those (`places`) are
 *   claimed as well, for `leaseMs`. The CTE `queued` then has all new jobs. Without it none is marked.
 * @param input.traceparent SQL for the `traceparent` of a new job, of the delivery `delivery`. Without it they have none.
 * @param input.except a CTE with the ids of endpoints that do not get the event.
 */
export function publishEventCtes(input: {
  from: string;
  markers?: EventMarkers;
  except?: string;
  atOnce?: { queuedAt: string; places: string; leaseMs: string };
  traceparent?: string;
}): string {
  const { from, markers = NAMED, except, atOnce, traceparent = 'NULL' } = input;
  const { id, type, body, clientPk } = markers;
  const others = except === undefined ? '' : `AND e.id NOT IN (SELECT id FROM ${except})`;
  return `event AS (
      INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body)
      SELECT ${id}, ${clientPk}, user_id, id, round, job_id, ${type}, ${body} FROM ${from}
      RETURNING id, type, body, client_pk
    ), delivery AS (
      INSERT INTO deliveries (event_id, endpoint_id, event_type)
      SELECT event.id, e.id, event.type
        FROM event CROSS JOIN LATERAL (SELECT id, event_types FROM webhook_endpoints
                                        WHERE client_pk = event.client_pk AND disabled_at IS NULL AND deleted_at IS NULL OFFSET 0) e
       WHERE (e.event_types = '{}' OR event.type = ANY (e.event_types)) ${others}
      RETURNING id, event_id, endpoint_id, attempts
    ), queued AS (
      ${
        atOnce !== undefined
          ? `INSERT INTO jobs (kind, lane_id, event_id, delivery_id, traceparent, queued_at, fence, lease_until)
      SELECT 'deliver_webhook', lane_id, event_id, id, traceparent, queued_at, is_claimed::int,
             CASE WHEN is_claimed THEN now() + make_interval(secs => ${atOnce.leaseMs} / 1000) END
        FROM (SELECT fed.*, queued_at IS NOT NULL AND count(queued_at) OVER (ROWS UNBOUNDED PRECEDING) <= ${atOnce.places} AS is_claimed
                FROM (SELECT delivery.event_id, delivery.id, lane.id AS lane_id, ${traceparent} AS traceparent, (${atOnce.queuedAt}) AS queued_at
                        FROM delivery CROSS JOIN LATERAL (SELECT lane_id AS id FROM webhook_endpoints WHERE id = delivery.endpoint_id OFFSET 0) lane
                      OFFSET 0) fed) new
      RETURNING id, lane_id, delivery_id, fence, tries, record_failures, traceparent, queued_at, lease_until`
          : `INSERT INTO jobs (kind, lane_id, event_id, delivery_id, traceparent)
      SELECT 'deliver_webhook', (SELECT lane_id FROM webhook_endpoints WHERE id = delivery.endpoint_id), event_id, id, ${traceparent} FROM delivery`
      }
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM delivery LIMIT 1) AS any_row
    )`;
}

const PUBLISH = named({
  name: 'publish-event',
  values: ['userId', ...EVENT_VALUES],
  text: `
    WITH subject AS MATERIALIZED (
      SELECT :userId::int AS user_id, NULL::uuid AS id, NULL::smallint AS round, NULL::bigint AS job_id
    ), ${publishEventCtes({ from: 'subject' })}
    SELECT (SELECT count(*) FROM delivery)::int AS deliveries FROM subject LEFT JOIN notified ON true`,
});

/** An event about no payment, with its subject: a user of the client, or null for the client itself. */
export type PublishInput = {
  clientPk: number;
  userId: number | null;
  event: { id: string; type: string };
};

/**
 * Publishes an event about no payment in the caller's transaction: the event, a delivery with its job for each endpoint that wants it,
 * and the notification of the relays at the commit. What the event says must be written, by compare-and-set, in the same transaction.
 *
 * @param input.event made by a builder of packages/contracts; it is stored as JSON, and these bytes are signed.
 */
export async function publishEvent(
  tx: Transaction,
  { clientPk, userId, event }: PublishInput,
): Promise<void> {
  const values = {
    userId,
    clientPk,
    eventId: event.id,
    eventType: event.type,
    eventBody: JSON.stringify(event),
  };
  await query(tx, PUBLISH, PUBLISH.values(values));
}
