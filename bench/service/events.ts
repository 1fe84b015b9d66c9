import { paymentCreatedEvent } from '@emr-payments/contracts';
import type { Client } from 'pg';
import type { BenchTenant } from './tenants.ts';

const EVENT_ID = 'evt_EVENT';
const PAYMENT_ID = 'PAYMENT';

/** The body of an event as the service writes it, with marks in place of its id and its payment's. */
export const EVENT_BODY = JSON.stringify(
  paymentCreatedEvent({
    eventId: EVENT_ID,
    round: 1,
    userPublicId: 'user_01890a5d96b7c',
    created: new Date('2026-06-15T10:00:00Z'),
    jobId: '123456',
    payment: {
      paymentId: PAYMENT_ID,
      patientMrn: 'MRN-000001',
      paymentMethod: 'Card',
      referenceNumber: '#0123456789ab-12345',
      amount: '42.25',
      emrTransactionId: 'pay-12345',
    },
  }),
);

/**
 * Writes events of one tenant with a delivery for its endpoint each, all in one commit.
 *
 * @param input.run distinguishes these events from those of another call.
 * @param input.as `waiting`: due now, with a job each. `failed`: the schedule of attempts is used up.
 * @returns the ids of the events.
 */
export async function writeEvents(
  client: Client,
  input: { tenant: BenchTenant; run: string; count: number; as: 'waiting' | 'failed' },
): Promise<string[]> {
  const { tenant, run, count, as } = input;
  const { rows } = await client.query<{ event_id: string }>(
    `WITH event AS (
       INSERT INTO events (id, client_pk, type, body)
       SELECT 'evt_' || hash, $1, 'payment.created', replace(replace($2, '${EVENT_ID}', 'evt_' || hash), '${PAYMENT_ID}', hash)
         FROM generate_series(1, $3::int) AS n CROSS JOIN LATERAL (SELECT md5($4 || n) AS hash) h
       RETURNING id
     ), delivery AS (
       INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, finished_at)
       SELECT event.id, e.id, 'payment.created', $5::delivery_status, CASE WHEN $5 = 'failed' THEN 10 ELSE 0 END,
              CASE WHEN $5 = 'failed' THEN now() END
         FROM event JOIN webhook_endpoints e ON e.client_pk = $1
       RETURNING id, event_id, endpoint_id
     ), queued AS (
       INSERT INTO jobs (kind, lane_id, event_id, delivery_id)
       SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id FROM delivery d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE $5 = 'pending'
     )
     SELECT event_id FROM delivery`,
    [tenant.clientPk, EVENT_BODY, count, run, as === 'waiting' ? 'pending' : 'failed'],
  );
  return rows.map((row) => row.event_id);
}
