import { SEVERAL } from '../audit/tally.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';

/** The values of a request for a redelivery, with PostgreSQL's types. */
export const REDELIVER_COLUMNS = {
  event_id: 'text',
  client_pk: 'int',
  endpoint_id: 'text',
  actor: 'text',
  user_id: 'text',
  source: 'text',
  traceparent: 'text',
} as const;

const names = Object.keys(REDELIVER_COLUMNS);
const types = Object.values(REDELIVER_COLUMNS);

/** Wakes the relays at the commit, if something is due. */
const NOTIFIED = `, notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM due LIMIT 1) AS any_due
    )`;

/** The trace of the request that a delivery is made due by. Requests without one are not searched: see `settle-payment`. */
const TRACEPARENT = `CASE WHEN EXISTS (SELECT FROM asked WHERE traceparent IS NOT NULL)
             THEN (SELECT traceparent FROM asked WHERE asked.n = due.n) END`;

/** A CTE that only reads is run for its rows alone. */
const NOTIFIED_FACT = " UNION ALL SELECT NULL, 'notified', NULL FROM notified";

/**
 * The statement for the requests in `asked`, in the order of their numbers `n`. It is made from one text for a single request and for
 * many, so that a rule is written once.
 *
 * - Each request has its own outcome, the same as if the requests had come one after the other: the first one of a pair of event
 *   and endpoint takes it, and the later ones find it pending.
 * - Deliveries that have ended are locked in the order of their numbers, and then new ones are written in the order of their keys, as
 *   in a recovery's turn: so two of these wait for each other and never deadlock. A delivery that is pending is not locked: the workers
 *   write those.
 * - The existing delivery of a pair is looked up by its event. OFFSET 0 keeps the endpoint out of the choice of an index: within a
 *   partition that was empty when the statement was planned, PostgreSQL would read all deliveries of the endpoint for each event.
 * - `places` finds the request and the lane of a new delivery without a join, which would compare all with all: a client has up to 50
 *   endpoints, and a set up to 100 events.
 * - The audit log gets one entry for each actor and named endpoint, with the events' ids.
 * - An operator's request, which has no client, may name an endpoint of any client: one of another client than the event's is none.
 *
 * It gives a row for each fact about a request: that its event was found, that its endpoint is enabled or disabled, the endpoints that
 * it would be sent to, and to which of them it is sent.
 */
function textOf(asked: string, { notify }: { notify: boolean }): string {
  const mayUse = (table: string) => `(asked.client_pk IS NULL OR ${table}.client_pk = asked.client_pk)`;
  return `
    WITH asked AS MATERIALIZED (${asked}), event AS MATERIALIZED (
      SELECT asked.n, asked.endpoint_id, v.id, v.client_pk, v.type FROM asked CROSS JOIN LATERAL (
        SELECT events.id, events.client_pk, events.type FROM events WHERE events.id = asked.event_id AND ${mayUse('events')} LIMIT 1) v
    ), named AS MATERIALIZED (
      SELECT asked.n, e.enabled FROM asked CROSS JOIN LATERAL (
        SELECT o.disabled_at IS NULL AS enabled FROM webhook_endpoints o
         WHERE o.id = asked.endpoint_id AND o.deleted_at IS NULL AND ${mayUse('o')}
           AND (asked.client_pk IS NOT NULL OR NOT EXISTS (SELECT FROM event WHERE event.n = asked.n AND event.client_pk <> o.client_pk)) LIMIT 1) e
    ), wanted AS MATERIALIZED (
      SELECT event.n, event.id AS event_id, event.type, e.id AS endpoint_id, e.lane_id
        FROM event CROSS JOIN LATERAL (
          SELECT o.id, o.lane_id FROM webhook_endpoints o
           WHERE o.client_pk = event.client_pk AND o.disabled_at IS NULL AND o.deleted_at IS NULL
             AND CASE WHEN event.endpoint_id IS NULL THEN o.event_types = '{}' OR event.type = ANY (o.event_types)
                      ELSE o.id = event.endpoint_id END OFFSET 0) e
    ), target AS MATERIALIZED (
      SELECT DISTINCT ON (event_id, endpoint_id) * FROM wanted ORDER BY event_id, endpoint_id, n
    ), found AS MATERIALIZED (
      SELECT target.*, d.id AS delivery_id, d.status FROM target LEFT JOIN LATERAL (
        SELECT own.id, own.status FROM (SELECT * FROM deliveries WHERE event_id = target.event_id OFFSET 0) own
         WHERE own.endpoint_id = target.endpoint_id LIMIT 1) d ON true
    ), locked AS MATERIALIZED (
      SELECT d.id, d.event_id, found.n, found.endpoint_id, found.lane_id
        FROM found JOIN deliveries d ON d.event_id = found.event_id AND d.id = found.delivery_id
       WHERE found.status <> 'pending' AND d.status <> 'pending' ORDER BY d.id FOR UPDATE OF d
    ), again AS (
      UPDATE deliveries d SET status = 'pending', finished_at = NULL, recovery_id = NULL
        FROM locked WHERE d.event_id = locked.event_id AND d.id = locked.id
      RETURNING d.id, d.event_id, locked.n, locked.endpoint_id, locked.lane_id
    ), fresh AS (
      INSERT INTO deliveries (event_id, endpoint_id, event_type)
      SELECT event_id, endpoint_id, type FROM found WHERE delivery_id IS NULL AND (SELECT count(*) FROM locked) >= 0
       ORDER BY event_id, endpoint_id
      ON CONFLICT DO NOTHING RETURNING id, event_id, endpoint_id
    ), places AS MATERIALIZED (
      SELECT jsonb_object_agg(event_id || ' ' || endpoint_id, jsonb_build_array(n, lane_id)) AS of FROM found WHERE delivery_id IS NULL
    ), due AS MATERIALIZED (
      SELECT id, event_id, n, endpoint_id, lane_id FROM again
      UNION ALL
      SELECT fresh.id, fresh.event_id, (place ->> 0)::bigint, fresh.endpoint_id, (place ->> 1)::int
        FROM fresh CROSS JOIN places CROSS JOIN LATERAL (SELECT places.of -> (fresh.event_id || ' ' || fresh.endpoint_id) AS place) p
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, event_id, delivery_id, traceparent)
      SELECT 'deliver_webhook', lane_id, event_id, id, ${TRACEPARENT} FROM due
    ), audited AS (
      INSERT INTO audit_log (actor, user_id, source, action, subject, outcome, count, detail)
      SELECT actor, user_id, source, 'event.redeliver', CASE WHEN count(*) = 1 THEN 'event:' || min(event_id) ELSE 'event:${SEVERAL}' END,
             'done', count(*), jsonb_build_object('endpoint_id', endpoint_id)
               || CASE WHEN count(*) = 1 THEN '{}' ELSE jsonb_build_object('event_ids', jsonb_agg(event_id ORDER BY n)) END
        FROM asked WHERE n = ANY (ARRAY(SELECT n FROM due)) GROUP BY actor, user_id, source, endpoint_id
    )${notify ? NOTIFIED : ''}
    SELECT n, 'event' AS fact, NULL AS endpoint_id FROM event
    UNION ALL SELECT n, CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END, NULL FROM named
    UNION ALL SELECT n, 'wanted', endpoint_id FROM wanted
    UNION ALL SELECT n, 'sent', endpoint_id FROM due${notify ? NOTIFIED_FACT : ''}`;
}

/** For one request. */
export const REDELIVER_ONE = {
  name: 'redeliver-event',
  text: textOf(
    `SELECT 1::bigint AS n, ${names.map((name, index) => `$${index + 1}::${types[index]} AS ${name}`).join(', ')}`,
    { notify: true },
  ),
};

/** For many: takes an array for each column. */
export const REDELIVER_SET = {
  name: 'redeliver-events',
  text: textOf(
    `SELECT * FROM unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')}) WITH ORDINALITY AS asked(${names.join(', ')}, n)`,
    { notify: false },
  ),
};
