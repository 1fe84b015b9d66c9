import type { Actor } from '../audit/entry.ts';
import { auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

export type RedeliverInput = {
  /** `evt_…` */
  eventId: string;
  /** The client whose event it must be; null: anybody's. */
  clientPk: number | null;
  /** Only to this endpoint; null: to every enabled one that wants events of this type. */
  endpointId: string | null;
  by: Actor;
};

export type RedeliverOutcome =
  /** Ids of the endpoints that get it again. */
  | { outcome: 'redelivering'; endpointIds: string[] }
  | { outcome: 'not_found' }
  /** It is on its way already, or there is no enabled endpoint for it. */
  | { outcome: 'nothing_to_do' };

/**
 * Sends an event again, byte for byte: deliveries that have ended wait once more, and an endpoint that was not there or
 * disabled when the event was written gets one now. One that is still pending is left alone. A redelivery has the whole
 * schedule of attempts before it.
 */
const REDELIVER = {
  name: 'redeliver-event',
  text: `
    WITH event AS MATERIALIZED (
      SELECT id, client_pk, type FROM events WHERE id = $1 AND ($2::int IS NULL OR client_pk = $2)
    ), delivery AS (
      INSERT INTO deliveries AS d (event_id, endpoint_id)
      SELECT event.id, e.id FROM event JOIN webhook_endpoints e
          ON e.client_pk = event.client_pk AND e.disabled_at IS NULL AND e.deleted_at IS NULL
         AND CASE WHEN $3::text IS NULL THEN e.event_types = '{}' OR event.type = ANY (e.event_types) ELSE e.id = $3 END
      ON CONFLICT (event_id, endpoint_id) DO UPDATE SET status = 'pending', finished_at = NULL, recovery_id = NULL
       WHERE d.status <> 'pending'
      RETURNING id, endpoint_id
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, delivery_id)
      SELECT 'deliver_webhook', e.lane_id, d.id FROM delivery d JOIN webhook_endpoints e ON e.id = d.endpoint_id
    ), ${auditCte({ from: '(SELECT FROM delivery LIMIT 1) AS any_delivery', at: 4 })}, told AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM delivery LIMIT 1) AS any_row
    )
    SELECT delivery.endpoint_id FROM event LEFT JOIN delivery ON true LEFT JOIN told ON true ORDER BY 1`,
};

/** Delivers one event once more, by hand. */
export async function redeliverEvent(
  deps: StatementDeps,
  { eventId, clientPk, endpointId, by }: RedeliverInput,
): Promise<RedeliverOutcome> {
  const audit = auditValues({
    ...by,
    action: 'event.redeliver',
    subject: `event:${eventId}`,
    outcome: 'done',
    detail: { endpoint_id: endpointId },
  });
  const values = [eventId, clientPk, endpointId, ...audit];
  const rows = await query<{ endpoint_id: string | null }>(deps, REDELIVER, values);
  if (rows.length === 0) return { outcome: 'not_found' };
  const endpointIds = rows.flatMap((row) => row.endpoint_id ?? []);
  return endpointIds.length === 0 ? { outcome: 'nothing_to_do' } : { outcome: 'redelivering', endpointIds };
}
