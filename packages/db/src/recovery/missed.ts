/**
 * Condition on an event `v` and its delivery `d` (null: none) under which an endpoint missed the event: the delivery failed or
 * was canceled; or there is none, because the endpoint was disabled or subscribed to other types when the event was written, the event is
 * of a type that it subscribes to now, and is not from before its registration.
 *
 * @param endpoint a table expression with the endpoint's `registered_at` and `event_types`.
 */
export function missedBy(endpoint: string): string {
  return `(d.status IN ('failed', 'canceled')
           OR (d.id IS NULL AND v.created_at >= ${endpoint}.registered_at
               AND (${endpoint}.event_types = '{}' OR v.type = ANY (${endpoint}.event_types))))`;
}

/**
 * A table expression, for LATERAL, with the delivery of an event `v` for one endpoint. The LIMIT keeps it a look-up for each event:
 * PostgreSQL would rather join with all deliveries of the endpoint where it believes that they are few. So it does within a new
 * partition, and keeps that plan while the partition fills: OFFSET 0 keeps the endpoint out of the choice of an index.
 */
export function deliveryTo(endpointId: string): string {
  return `(SELECT own.id, own.status, own.finished_at
             FROM (SELECT * FROM deliveries WHERE event_id = v.id OFFSET 0) own WHERE own.endpoint_id = ${endpointId} LIMIT 1)`;
}
