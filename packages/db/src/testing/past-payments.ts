import { randomBytes } from 'node:crypto';
import { firstEventId, firstPaymentUuid, newEventId, type PaymentStatus } from '@emr-payments/contracts';
import type { ClientBase } from 'pg';

export type PastPayment = { id: string; jobId: number; eventId: string };

export type PastPaymentsInput = {
  clientPk: number;
  userId: number;
  endpointId: string | null;
  /** When they were accepted, posted, and their events sent. */
  at: Date;
  count?: number;
  status?: PaymentStatus;
  delivery?: 'delivered' | 'pending';
};

const INSERT = `
  WITH given AS (
    SELECT nextval('jobs_id_seq') AS job_id, id, event_id FROM unnest($1::uuid[], $2::text[]) AS g(id, event_id)
  ), payment AS (
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, notes,
                          deposit_date, status, round, created_at, tried_since, settled_at, failure_code)
    SELECT id, job_id, $3, 'MRN-1', 'p1', 'Card', '#1', '1404', 12.50, E'two\nlines, "quoted"', $5::timestamptz::date, $6::payment_status, 1,
           $5, $5, CASE WHEN $6 IN ('posted', 'failed', 'needs_review') THEN $5::timestamptz END,
           CASE WHEN $6 = 'needs_review' THEN 'outcome_unknown' WHEN $6 = 'failed' THEN 'unknown_location' END
      FROM given
  ), attempt AS (
    INSERT INTO posting_attempts (payment_id, number, sent_at, finished_at, outcome) SELECT id, 1, $5, $5, 'posted' FROM given
  ), event AS (
    INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body, created_at)
    SELECT event_id, $4, $3, id, 1, job_id, 'payment.created', '{}', $5 FROM given
  ), delivery AS (
    INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, created_at)
    SELECT event_id, $7, 'payment.created', $8::delivery_status, 1, $5 FROM given WHERE $7::text IS NOT NULL RETURNING event_id, id
  ), try AS (
    INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms)
    SELECT event_id, id, 1, $5, 5 FROM delivery
  )
  SELECT id, job_id::int AS "jobId", event_id AS "eventId" FROM given`;

/** Writes payments of a past time as the service would have left them, each with its attempt, event and delivery. For tests. */
export async function writePastPayments(
  owner: Pick<ClientBase, 'query'>,
  input: PastPaymentsInput,
): Promise<PastPayment[]> {
  const { clientPk, userId, endpointId, at, count = 1, status = 'posted', delivery = 'delivered' } = input;
  const ids = Array.from({ length: count }, () => {
    const random = randomBytes(10).toString('hex');
    return `${firstPaymentUuid(at).slice(0, 14)}7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6, 18)}`;
  });
  const eventIds = ids.map(() => firstEventId(at) + newEventId().slice(-16));
  const values = [ids, eventIds, userId, clientPk, at, status, endpointId, delivery];
  const { rows } = await owner.query(INSERT, values);
  return rows as PastPayment[];
}
