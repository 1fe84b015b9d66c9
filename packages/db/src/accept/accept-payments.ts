import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Fingerprint } from '../idempotency/once.ts';

/** A validated request of an authenticated user. */
export type AcceptInput = {
  clientPk: number;
  userId: number;
  patientMrn: string;
  paymentMethod: string;
  referenceNumber: string;
  location: string;
  /** Decimal with two places, such as `350.00`. */
  amount: string;
  notes: string | null;
  /** YYYY-MM-DD; null is today in the practice's time zone. */
  depositDate: string | null;
  idempotency: ({ key: string } & Fingerprint) | null;
  /** Of the request's span, where it is traced. */
  traceparent?: string;
};

type Result = { job_id: number | null; patient_found: boolean };

/**
 * Accepts all the requests in flight in one statement and so in one commit: resolves the patients, claims the idempotency
 * keys, and writes the payments and their jobs.
 *
 * - Keys are claimed in a fixed order, so that two processes that claim the same keys wait for each other and never
 *   deadlock.
 * - A row whose key is already taken, in the table or by an earlier row of this batch, is not written.
 * - Each patient is looked up by itself (LATERAL, LIMIT): with a join, a batch would scan the whole table of patients.
 * - The deposit date defaults to today in the practice's time zone.
 */
const ACCEPT = {
  name: 'accept-payments',
  text: `
    WITH input AS MATERIALIZED (
      SELECT i.*, p.emr_patient_id, c.lane_id,
             CASE WHEN p.emr_patient_id IS NOT NULL AND c.lane_id IS NOT NULL THEN nextval('jobs_id_seq') END AS job_id,
             coalesce(i.deposit_date, (now() AT TIME ZONE c.time_zone)::date) AS deposit_on
        FROM unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::numeric[],
                    $9::text[], $10::date[], $11::text[], $12::bytea[], $13::text[])
             WITH ORDINALITY AS i(payment_id, client_pk, user_id, patient_mrn, payment_method, reference_number,
                                  location, amount, notes, deposit_date, key, fingerprint, traceparent, n)
        LEFT JOIN connections c ON c.user_id = i.user_id
        LEFT JOIN LATERAL (SELECT emr_patient_id FROM patients
                            WHERE user_id = i.user_id AND mrn = i.patient_mrn LIMIT 1) p ON true
    ), claimed AS (
      INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint, payment_id, job_id)
      SELECT client_pk, user_id, key, fingerprint, payment_id, job_id
        FROM input WHERE key IS NOT NULL AND job_id IS NOT NULL ORDER BY client_pk, user_id, key, n
      ON CONFLICT DO NOTHING
      RETURNING payment_id
    ), written AS (
      INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number,
                            location, amount, notes, deposit_date)
      SELECT payment_id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number,
             location, amount, notes, deposit_on
        FROM input WHERE job_id IS NOT NULL AND (key IS NULL OR payment_id IN (SELECT payment_id FROM claimed))
    ), queued AS (
      INSERT INTO jobs (id, kind, lane_id, payment_id, traceparent)
      SELECT job_id, 'post_payment', lane_id, payment_id, traceparent
        FROM input WHERE job_id IS NOT NULL AND (key IS NULL OR payment_id IN (SELECT payment_id FROM claimed))
    ), notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') WHERE $14::bool
    )
    SELECT CASE WHEN key IS NULL OR payment_id IN (SELECT payment_id FROM claimed) THEN job_id END AS job_id,
           emr_patient_id IS NOT NULL AS patient_found
      FROM input LEFT JOIN notified ON true
     ORDER BY n`,
};

/**
 * @param input.uuids the ids of the payments, as uuids.
 * @returns for each input, in order, its job's number if it was written now, and whether its patient is known.
 */
export async function acceptPayments(
  deps: StatementDeps & { notifies?: boolean },
  { inputs, uuids }: { inputs: readonly AcceptInput[]; uuids: readonly string[] },
): Promise<{ jobId: number | null; patientFound: boolean }[]> {
  const results = await query<Result>(deps, ACCEPT, [
    uuids,
    inputs.map((input) => input.clientPk),
    inputs.map((input) => input.userId),
    inputs.map((input) => input.patientMrn),
    inputs.map((input) => input.paymentMethod),
    inputs.map((input) => input.referenceNumber),
    inputs.map((input) => input.location),
    inputs.map((input) => input.amount),
    inputs.map((input) => input.notes),
    inputs.map((input) => input.depositDate),
    inputs.map((input) => input.idempotency?.key ?? null),
    inputs.map((input) => input.idempotency?.fingerprint ?? null),
    // Without an array there is nothing to send and to read: unnest fills up its column with nulls.
    inputs.some((input) => input.traceparent !== undefined)
      ? inputs.map((input) => input.traceparent ?? null)
      : null,
    deps.notifies ?? false,
  ]);
  return results.map((result) => ({ jobId: result.job_id, patientFound: result.patient_found }));
}
