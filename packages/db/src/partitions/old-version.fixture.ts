import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Client } from 'pg';
import { knownMigrations } from '../migrations/migration-list.ts';

// A database of the version before partitions. The statements of the present version do not fit its tables, so it is filled by the SQL
// of its own time: a later migration cannot break that.

/** The migrations that make the partitions. */
const PARTITIONED = ['20261130010000_payment_partitions', '20261130010100_event_partitions'] as const;

/** Payments and events, one of each. */
export const ROWS = 620;
/** Ids from before events began with the time: random, but with every first character as often as any other. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const oldId = (n: number) => `evt_${DIGITS[n % 62]}x${randomBytes(11).toString('hex')}`;
/** An id that no clock has made: above every time. */
const HAND_MADE = 'ffffffff-0000-4000-8000-000000000001';

async function apply(owner: Client, which: (name: string) => boolean): Promise<void> {
  for (const name of (await knownMigrations()).filter(which)) {
    const file = new URL(`../../../../prisma/migrations/${name}/migration.sql`, import.meta.url);
    await owner.query(await readFile(file, 'utf8'));
  }
}

/** Makes the tables of the version before partitions in an empty database. */
export const migrateToOld = (owner: Client): Promise<void> => apply(owner, (name) => name < PARTITIONED[0]);

/** Makes the partitions, and nothing after them. */
export const partition = (owner: Client): Promise<void> =>
  apply(owner, (name) => PARTITIONED.some((each) => each === name));

/** Applies every migration after the partitions. */
export const migrateToNow = (owner: Client): Promise<void> => apply(owner, (name) => name > PARTITIONED[1]);

export type OldRows = { clientPk: number; userId: number; eventIds: readonly string[] };

async function writePractice(owner: Client): Promise<{ clientPk: number; userId: number }> {
  const { rows } = await owner.query<{ clientPk: number; userId: number }>(`
    WITH client AS (
      INSERT INTO clients (client_id, name) VALUES ('ci_old', 'Old integrator') RETURNING id
    ), practice AS (
      INSERT INTO users (public_id, client_pk, name) SELECT 'user_old', id, 'Old practice' FROM client RETURNING id, client_pk
    ), emr AS (
      INSERT INTO lanes (kind, concurrency) VALUES ('connection', 4) RETURNING id
    ), connection AS (
      INSERT INTO connections (user_id, lane_id, adapter, base_url, time_zone)
      SELECT practice.id, emr.id, 'fhir-r5', 'http://127.0.0.1:1', 'America/New_York' FROM practice, emr
    ), target AS (
      INSERT INTO lanes (kind, concurrency) VALUES ('endpoint', 2) RETURNING id
    ), endpoint AS (
      INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, event_types)
      SELECT 'we_old', practice.client_pk, target.id, 'https://example.com/hook', '{}' FROM practice, target
    ), patient AS (
      INSERT INTO patients (user_id, mrn, emr_patient_id) SELECT id, 'MRN', 'p' FROM practice
    )
    SELECT client_pk AS "clientPk", id AS "userId" FROM practice`);
  const [practice] = rows;
  if (practice === undefined) throw new Error('the old practice was not written');
  return practice;
}

/** Writes a practice with payments, events and deliveries in every state. */
export async function fillOld(owner: Client): Promise<OldRows> {
  const practice = await writePractice(owner);
  const eventIds = Array.from({ length: ROWS }, (_, n) => oldId(n));
  await owner.query(`SET session_replication_role = replica; SELECT setval('jobs_id_seq', ${ROWS})`);
  await owner.query(
    `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount,
                           deposit_date, status, round, settled_at, failure_code, created_at, tried_since)
     SELECT CASE WHEN n = 1 THEN $2::uuid
                 ELSE (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || left(md5(n::text), 19))::uuid END,
            n, $1, 'MRN', 'p', 'Card', '#' || n, '1404', 1, '2026-01-01', 'failed', 1, at, 'emr_refused', at, at
       FROM generate_series(1, ${ROWS}) AS n, LATERAL (SELECT now() - n * interval '1 hour' AS at) AS time`,
    [practice.userId, HAND_MADE],
  );
  await owner.query(
    `INSERT INTO posting_attempts (payment_id, number, outcome, emr_text) SELECT id, 1, 'refused', 'sealed' FROM payments`,
  );
  await owner.query(
    `INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body, created_at)
     SELECT given.id, $1, $2, p.id, 1, p.job_id, 'payment.failed', '{"n":' || n || '}', p.created_at
       FROM unnest($3::text[]) WITH ORDINALITY AS given(id, n) JOIN payments p ON p.job_id = n`,
    [practice.clientPk, practice.userId, eventIds],
  );
  // Ids with each first character: one is delivered, one failed, one pending with its job.
  await owner.query(
    `INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, finished_at, created_at)
     SELECT v.id, e.id, v.type, s::delivery_status, CASE WHEN s = 'pending' THEN 1 ELSE 2 END, CASE WHEN s <> 'pending' THEN now() END, v.created_at
       FROM events v, webhook_endpoints e,
            LATERAL (SELECT (ARRAY['delivered', 'failed', 'pending'])[1 + (v.job_id / 62 % 3)::int] AS s) AS state`,
  );
  await owner.query(
    `INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms, http_status)
     SELECT id, number, now(), 5, 500 FROM deliveries, LATERAL generate_series(1, attempts) AS number`,
  );
  await owner.query(
    `INSERT INTO jobs (kind, lane_id, delivery_id) SELECT 'deliver_webhook', e.lane_id, d.id
       FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.status = 'pending'`,
  );
  await owner.query('SET session_replication_role = origin');
  return { ...practice, eventIds };
}
