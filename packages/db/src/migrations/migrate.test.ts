import { readFile } from 'node:fs/promises';
import { openEmptyDatabase, openTestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { migrate, scriptOfSchema } from './migrate.ts';
import { knownMigrations } from './migration-list.ts';
import { writeMigrations } from './migrations.fixture.ts';

/**
 * Describes a database by one line for each column, constraint, index and enum value. A partitioned table counts as the table that it is
 * in the schema; its partitions are left out. So are CHECK constraints, for which the
 * schema has no words.
 */
const CATALOGUE = `
  WITH part AS (SELECT oid, relname FROM pg_class WHERE relispartition)
  SELECT format('column %s.%s %s %s default %s', table_name, column_name, udt_name, is_nullable, column_default) AS line
    FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN (SELECT relname FROM part)
  UNION ALL
  SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'c' AND conrelid NOT IN (SELECT oid FROM part)
  UNION ALL
  SELECT 'index ' || replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT IN (SELECT relname FROM part)
  UNION ALL
  SELECT format('enum %s %s %s', typname, row_number() OVER (PARTITION BY enumtypid ORDER BY enumsortorder), enumlabel) FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
  ORDER BY 1`;

async function catalogueOf(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(CATALOGUE);
  return rows.map((row) => row.line).filter((line) => !line.includes('_prisma_migrations'));
}

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

const scriptOf = (name: string): Promise<string> =>
  readFile(new URL(`../../../../prisma/migrations/${name}/migration.sql`, import.meta.url), 'utf8');

test('the migrations make exactly what schema.prisma describes', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  const migrated = await catalogueOf(client);
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await client.query(await scriptOfSchema({ url }));
  const described = await catalogueOf(client);
  await client.end();
  await drop();

  expect(migrated).toEqual(described);
  expect(migrated.length).toBeGreaterThan(100);
});

test('a database of version 0.1.0 that was in use is migrated', async () => {
  const { url, drop } = await openEmptyDatabase();
  const names = (await knownMigrations()).slice(0, 5);
  const scripts = await Promise.all(names.map(async (name) => [name, await scriptOf(name)] as const));
  const old = writeMigrations(Object.fromEntries(scripts));
  await migrate({ url, folder: old.folder });
  old.remove();
  const client = await connected(url);
  await client.query(`
    INSERT INTO clients (id, client_id, name) VALUES (1, 'ci', 'Integrator');
    INSERT INTO client_secrets (client_pk, secret_hash) VALUES (1, 'x');
    INSERT INTO users (id, public_id, client_pk, name) VALUES (1, 'user_1', 1, 'One');
    INSERT INTO access_tokens (user_id, token_hash) VALUES (1, 'x');
    INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'connection', 1), (2, 'endpoint', 1);
    INSERT INTO connections (user_id, lane_id, adapter, base_url, time_zone) VALUES (1, 1, 'fhir', 'https://emr.test', 'UTC');
    INSERT INTO patients (user_id, mrn, emr_patient_id) VALUES (1, 'M1', 'p1'), (1, 'M2', NULL);
    INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, event_types) VALUES ('we_1', 1, 2, 'https://hook.test', '{}');
    INSERT INTO webhook_secrets (id, endpoint_id, sealed) VALUES (gen_random_uuid(), 'we_1', 'x');
    INSERT INTO audit_log (actor, source, action, subject, outcome) VALUES ('system', 'test', 'client.create', 'client:ci', 'done');
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date, status)
    SELECT gen_random_uuid(), n, 1, 'M1', 'p1', 'Card', '#' || n, '1404', 1, '2026-01-01',
           (enum_range(NULL::payment_status))[1 + n % array_length(enum_range(NULL::payment_status), 1)] FROM generate_series(1, 30) AS n;
    INSERT INTO posting_attempts (payment_id, number) SELECT id, 1 FROM payments;
    INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body)
    SELECT 'evt_' || job_id, 1, 1, id, 0, job_id, 'payment.created', '{}' FROM payments;
    INSERT INTO deliveries (event_id, endpoint_id, status) SELECT id, 'we_1', CASE WHEN job_id > 20 THEN 'pending' ELSE 'delivered' END::delivery_status FROM events;
    INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms) SELECT id, 1, now(), 5 FROM deliveries;
    INSERT INTO jobs (id, kind, lane_id, payment_id) SELECT job_id, 'post_payment', 1, id FROM payments WHERE status = 'accepted';
    INSERT INTO jobs (id, kind, lane_id, delivery_id) SELECT 100 + id, 'deliver_webhook', 2, id FROM deliveries WHERE status = 'pending';
    INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint, payment_id, job_id) SELECT 1, 1, 'k' || job_id, 'x', id, job_id FROM payments`);
  const { applied } = await migrate({ url });
  const { rows } = await client.query(
    `SELECT (SELECT count(*)::int FROM payments) AS payments, (SELECT count(*)::int FROM events) AS events, count(*)::int AS deliveries,
            count(*) FILTER (WHERE d.event_type = 'payment.created')::int AS typed, (SELECT count(*)::int FROM delivery_attempts) AS attempts
       FROM deliveries d`,
  );
  await client.end();
  await drop();

  expect(applied).toEqual((await knownMigrations()).slice(5));
  expect(rows).toEqual([{ payments: 30, events: 30, deliveries: 30, typed: 30, attempts: 30 }]);
});

test('a migrated database is left alone, and of two processes that migrate one waits for the other', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await client.end();

  const [one, two] = await Promise.all([migrate({ url }), migrate({ url })]);
  expect(one.applied.length + two.applied.length).toBeGreaterThan(0);
  expect(Math.min(one.applied.length, two.applied.length)).toBe(0);
  expect((await migrate({ url })).applied).toEqual([]);
  await drop();
});

test('connections of the adapter fhir become connections of fhir-r5, and count as unchanged', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  await client.query(`
    INSERT INTO clients (id, client_id, name) VALUES (1, 'ci', 'Integrator');
    INSERT INTO users (id, public_id, client_pk, name) VALUES (1, 'user_1', 1, 'One'), (2, 'user_2', 1, 'Two');
    INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'connection', 1), (2, 'connection', 1);
    INSERT INTO connections (user_id, lane_id, adapter, base_url, time_zone)
    VALUES (1, 1, 'fhir', 'https://emr.test', 'UTC'), (2, 2, 'other', 'https://emr.test', 'UTC')`);
  const changes = () => client.query('SELECT updated_at::text FROM connections ORDER BY user_id');
  const before = await changes();
  const migration = '../../../../prisma/migrations/20261125210000_adapter_names/migration.sql';
  await client.query(await readFile(new URL(migration, import.meta.url), 'utf8'));
  const { rows } = await client.query('SELECT adapter FROM connections ORDER BY user_id');
  const after = await changes();
  await client.end();
  await drop();

  expect(rows).toEqual([{ adapter: 'fhir-r5' }, { adapter: 'other' }]);
  expect(after.rows).toEqual(before.rows);
});

test('MRNs are trimmed where no other patient has the MRN; one that means two patients finds none', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  await client.query(`
    INSERT INTO clients (id, client_id, name) VALUES (1, 'ci', 'Integrator');
    INSERT INTO users (id, public_id, client_pk, name) VALUES (1, 'user_1', 1, 'One'), (2, 'user_2', 1, 'Two'), (3, 'user_3', 1, 'Three');
    INSERT INTO patients (user_id, mrn, emr_patient_id)
    VALUES (1, E'\\u00a0M1 ', 'p1'), (1, 'M2 ', 'p2'), (1, 'M2', 'p3'), (1, ' M3', 'p4'), (1, 'M3 ', 'p5'), (1, ' ', 'p6'), (1, 'M 7', 'p7'),
           (1, 'M8', 'p0'), (1, 'M8 ', 'p0'),
           (2, E'\\u200bM2\\ufeff', 'p8'), (3, 'M1', 'p9')`);
  const migration = '../../../../prisma/migrations/20261126040100_mrn_ends/migration.sql';
  await client.query(await readFile(new URL(migration, import.meta.url), 'utf8'));
  const patients = await client.query(
    'SELECT mrn, emr_patient_id AS id FROM patients ORDER BY emr_patient_id, mrn',
  );
  const audited = await client.query(
    `SELECT subject, outcome, detail FROM audit_log WHERE action = 'patients.trim_mrn' ORDER BY subject`,
  );
  await client.end();
  await drop();

  expect(patients.rows.map(({ mrn, id }) => [id, mrn])).toEqual([
    // The same patient twice.
    ['p0', 'M8'],
    ['p0', 'M8 '],
    ['p1', 'M1'],
    // Two rows that would become equal can be two patients: they stay, and requests find neither.
    ['p2', 'M2 '],
    ['p4', ' M3'],
    ['p5', 'M3 '],
    ['p6', ' '],
    ['p7', 'M 7'],
    ['p8', 'M2'],
    ['p9', 'M1'],
    [null, 'M2'],
  ]);
  expect(audited.rows).toEqual([
    { subject: 'patients:user_1', outcome: 'refused', detail: { trimmed: 1, left: 5, closed: 1 } },
    { subject: 'patients:user_2', outcome: 'done', detail: { trimmed: 1, left: 0, closed: 0 } },
  ]);
});

test('endpoints that have the former default of ten at once may grow; what somebody chose stays', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  await client.query(`
    DROP TABLE lane_caps;
    INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'endpoint', 10), (2, 'endpoint', 2), (3, 'endpoint', 12), (4, 'connection', 10)`);
  const migration = '../../../../prisma/migrations/20261129030000_lane_caps/migration.sql';
  await client.query(await readFile(new URL(migration, import.meta.url), 'utf8'));
  const { rows } = await client.query('SELECT concurrency FROM lanes ORDER BY id');
  await client.end();
  await drop();

  expect(rows.map(({ concurrency }) => concurrency)).toEqual([64, 2, 12, 10]);
});

test('every delivery has its event’s type: old ones, and those of a statement that does not name it', async () => {
  const { url, drop } = await openTestDatabase();
  const client = await connected(url);
  const script = async (name: string): Promise<string> =>
    readFile(new URL(`../../../../prisma/migrations/${name}/migration.sql`, import.meta.url), 'utf8');
  // As it was before the migrations.
  await client.query(`
    DROP FUNCTION copy_event_type() CASCADE;
    ALTER TABLE deliveries DROP COLUMN event_type;
    CREATE INDEX deliveries_endpoint_id_id_idx ON deliveries (endpoint_id, id);
    DROP INDEX deliveries_endpoint_id_created_at_id_idx, events_client_pk_type_created_at_id_idx, jobs_of_deliveries,
               webhook_endpoints_of_client;
    INSERT INTO events (id, client_pk, type, body)
    SELECT 'evt_' || n, 1, CASE WHEN n = 7 THEN 'payment.failed' ELSE 'payment.created' END, '{}'
      FROM generate_series(1, 25) AS n;
    INSERT INTO deliveries (id, event_id, endpoint_id) SELECT n * 1000, 'evt_' || n, 'we_1' FROM generate_series(1, 25) AS n`);
  await client.query(await script('20261127010000_delivery_event_type'));
  await client.query(`INSERT INTO deliveries (event_id, endpoint_id) VALUES ('evt_7', 'we_2')`);
  await client.query(await script('20261127010100_delivery_event_type_of_old'));
  await client.query(await script('20261127010200_read_indexes'));
  const { rows } = await client.query(
    'SELECT event_type, count(*)::int AS n FROM deliveries GROUP BY 1 ORDER BY 1',
  );
  await client.end();
  await drop();

  expect(rows).toEqual([
    { event_type: 'payment.created', n: 24 },
    { event_type: 'payment.failed', n: 2 },
  ]);
});
