import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

export type RedeliverInput = {
  /** `evt_…` */
  eventId: string;
  /** The client whose event it must be; null: any client's, for the operator. */
  clientPk: number | null;
  /** Only to this endpoint; null: to every enabled one that wants events of this type. */
  endpointId: string | null;
  by: Actor;
};

export type RedeliverOutcome =
  /** Ids of the endpoints that the event is sent to again. */
  | { outcome: 'redelivering'; endpointIds: string[] }
  | { outcome: 'not_found' }
  /** Its deliveries are still pending, or there is no enabled endpoint for it. */
  | { outcome: 'nothing_to_do' };

/**
 * Sends an event again, byte for byte: deliveries that have ended become pending again, and an endpoint that did not exist
 * or was disabled when the event was written gets one now. A delivery that is still pending is left alone. A redelivery
 * goes through the whole schedule of attempts.
 */
const REDELIVER = named({
  name: 'redeliver-event',
  values: ['eventId', 'clientPk', 'endpointId', ...AUDIT_VALUES],
  text: `
    WITH event AS MATERIALIZED (
      SELECT id, client_pk, type FROM events WHERE id = :eventId AND (:clientPk::int IS NULL OR client_pk = :clientPk)
    ), delivery AS (
      INSERT INTO deliveries AS d (event_id, endpoint_id, event_type)
      SELECT event.id, e.id, event.type FROM event JOIN webhook_endpoints e
          ON e.client_pk = event.client_pk AND e.disabled_at IS NULL AND e.deleted_at IS NULL
         AND CASE WHEN :endpointId::text IS NULL THEN e.event_types = '{}' OR event.type = ANY (e.event_types)
                  ELSE e.id = :endpointId END
      ON CONFLICT (event_id, endpoint_id) DO UPDATE SET status = 'pending', finished_at = NULL, recovery_id = NULL
       WHERE d.status <> 'pending'
      RETURNING id, event_id, endpoint_id
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, event_id, delivery_id)
      SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id FROM delivery d JOIN webhook_endpoints e ON e.id = d.endpoint_id
    ), ${auditCte({ from: '(SELECT FROM delivery LIMIT 1) AS any_delivery' })}, notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM delivery LIMIT 1) AS any_row
    )
    SELECT delivery.endpoint_id FROM event LEFT JOIN delivery ON true LEFT JOIN notified ON true ORDER BY 1`,
});

/** Delivers one event again, at the request of a person or a client. */
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
  const values = REDELIVER.values({ eventId, clientPk, endpointId, ...audit });
  const rows = await query<{ endpoint_id: string | null }>(deps, REDELIVER, values);
  if (rows.length === 0) return { outcome: 'not_found' };
  const endpointIds = rows.flatMap((row) => row.endpoint_id ?? []);
  return endpointIds.length === 0 ? { outcome: 'nothing_to_do' } : { outcome: 'redelivering', endpointIds };
}
