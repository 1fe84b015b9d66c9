import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseKeyring } from '@emr-payments/runtime';
import { openEmptyDatabase, type TestDatabase, testServers } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { type Database, openDatabase } from '../core/database.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { listDeliveries } from '../delivery/list-deliveries.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { redeliverEvent } from '../delivery/redeliver-event.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { prepareAppRole } from '../migrations/app-role.ts';
import { knownMigrations } from '../migrations/pending-migrations.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import { showPayment } from '../payments/show-payment.ts';
import { createPractice, type Practice } from '../testing/practice.ts';

// A database of the version before, with rows in every state, is migrated to partitions.

const PARTITIONED = ['20261130010000_payment_partitions', '20261130010100_event_partitions'];
/** Payments and events, one of each. */
const ROWS = 620;
/** Ids from before events began with the time: random, but with every first character as often as any other. */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const oldId = (n: number) => `evt_${DIGITS[n % 62]}${randomBytes(18).toString('hex').slice(0, 23)}`;

let server: TestDatabase;
let owner: Client;
let database: Database;
let practice: Practice;
let ids: string[];

const script = (name: string) =>
  readFile(new URL(`../../../../prisma/migrations/${name}/migration.sql`, import.meta.url), 'utf8');
const sql = async (text: string, values: unknown[] = []) => (await owner.query(text, values)).rows;
const CONTENT = {
  payments: 'SELECT * FROM payments ORDER BY id',
  posting_attempts: 'SELECT * FROM posting_attempts ORDER BY payment_id, number',
  events: 'SELECT * FROM events ORDER BY job_id, id',
  deliveries: 'SELECT * FROM deliveries ORDER BY id',
  delivery_attempts:
    'SELECT delivery_id, number, started_at, duration_ms, http_status, error_kind, excerpt FROM delivery_attempts ORDER BY delivery_id, number',
};
async function content(): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const [table, text] of Object.entries(CONTENT)) rows[table] = await sql(text);
  return rows;
}

let before: Record<string, unknown[]>;
/** Ids that no clock has made: above every time. */
const HAND_MADE = 'ffffffff-0000-4000-8000-000000000001';

beforeAll(async () => {
  server = await openEmptyDatabase();
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  for (const name of await knownMigrations())
    if (name < (PARTITIONED[0] ?? '')) await owner.query(await script(name));
  await prepareAppRole({ client: owner }, testServers().appRole);
  const options = { url: server.appUrl, poolSize: 4, applicationName: 'test' };
  database = openDatabase(options);
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  practice = await createPractice({ database, keyring }, { connection: {} });
  ids = Array.from({ length: ROWS }, (_, n) => oldId(n));
  await owner.query(`SET session_replication_role = replica; SELECT setval('jobs_id_seq', ${ROWS})`);
  await sql(
    `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount,
                           deposit_date, status, round, settled_at, failure_code, created_at, tried_since)
     SELECT CASE WHEN n = 1 THEN $2::uuid
                 ELSE (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 19))::uuid END,
            n, $1, 'MRN', 'p', 'Card', '#' || n, '1404', 1, '2026-01-01', 'failed', 1, at, 'emr_refused', at, at
       FROM generate_series(1, ${ROWS}) AS n, LATERAL (SELECT now() - n * interval '1 hour' AS at) AS time`,
    [practice.userId, HAND_MADE],
  );
  await sql(
    `INSERT INTO posting_attempts (payment_id, number, outcome, emr_text) SELECT id, 1, 'refused', 'sealed' FROM payments`,
  );
  await sql(
    `INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body, created_at)
     SELECT given.id, $1, $2, p.id, 1, p.job_id, 'payment.failed', '{"n":' || n || '}', p.created_at
       FROM unnest($3::text[]) WITH ORDINALITY AS given(id, n) JOIN payments p ON p.job_id = n`,
    [practice.clientPk, practice.userId, ids],
  );
  // Of every first character one is delivered, one failed, one pending with its job.
  await sql(
    `INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, finished_at, created_at)
     SELECT v.id, e.id, v.type, s::delivery_status, CASE WHEN s = 'pending' THEN 1 ELSE 2 END, CASE WHEN s <> 'pending' THEN now() END, v.created_at
       FROM events v, webhook_endpoints e,
            LATERAL (SELECT (ARRAY['delivered', 'failed', 'pending'])[1 + (v.job_id / 62 % 3)::int] AS s) AS state`,
  );
  await sql(
    `INSERT INTO delivery_attempts (delivery_id, number, started_at, duration_ms, http_status)
     SELECT id, number, now(), 5, 500 FROM deliveries, LATERAL generate_series(1, attempts) AS number`,
  );
  await sql(
    `INSERT INTO jobs (kind, lane_id, delivery_id) SELECT 'deliver_webhook', e.lane_id, d.id
       FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.status = 'pending'`,
  );
  await owner.query('SET session_replication_role = origin');
  before = await content();
  for (const name of PARTITIONED) await owner.query(await script(name));
}, 120_000);

afterAll(async () => {
  await database.close();
  await owner.end();
  await server.drop();
});

test('every row is there, as it was', async () => {
  expect(before.events).toHaveLength(ROWS);
  expect(await content()).toEqual(before);
  expect(
    await sql(
      'SELECT FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.event_id <> d.event_id',
    ),
  ).toEqual([]);
  expect(
    await sql(
      'SELECT FROM jobs j JOIN deliveries d ON d.id = j.delivery_id WHERE j.event_id IS DISTINCT FROM d.event_id',
    ),
  ).toEqual([]);
});

test('almost all of them are still in their own files; only ids of no place in the order were moved', async () => {
  const counts = async (table: string) =>
    Object.fromEntries(
      (await sql(`SELECT tableoid::regclass::text AS name, count(*)::int AS n FROM ${table} GROUP BY 1`)).map(
        ({ name, n }) => [name, n],
      ),
    );
  expect(await counts('payments')).toEqual({ payments_old: ROWS - 1, payments_default: 1 });
  expect(await counts('posting_attempts')).toEqual({
    posting_attempts_old: ROWS - 1,
    posting_attempts_default: 1,
  });
  const moved = ROWS / 62;
  expect((await counts('events')).events_old).toBe(ROWS - moved);
  expect((await counts('deliveries')).deliveries_old).toBe(ROWS - moved);
  expect(await sql(`SELECT FROM events_old WHERE id < 'evt_1'`)).toEqual([]);
});

test('the role of the application keeps its privileges, and may make partitions', async () => {
  const { rows } = await database.pool.query(`SELECT make_partition('payments', 28, 100) AS name`);
  expect(rows[0].name).toMatch(/^payments_\d{8}$/);
  await expect(database.pool.query('DELETE FROM payments')).rejects.toMatchObject({ code: '42501' });
});

test.each([
  ['begins like the ids of now', 0],
  ['is in the old partition', 30],
])('an old event whose id %s is delivered and sent again', async (_where, first) => {
  const deps = { database };
  const waiting = ids[first + 62 * 2] ?? '';
  const ended = ids[first + 62] ?? '';
  await sql(
    `UPDATE jobs SET run_at = now() + CASE WHEN event_id = $1 THEN interval '-1 s' ELSE interval '1 hour' END`,
    [waiting],
  );
  const [job] = await feedJobs(deps, 10);
  const delivery = await claimDelivery(deps, { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 });
  expect(delivery).toMatchObject({ event: { id: waiting, type: 'payment.failed' }, attempts: 1 });
  const recorded = await recordDelivery(deps, {
    claim: delivery?.claim ?? { jobId: '0', fence: 0 },
    clientPk: practice.clientPk,
    attempt: { startedAt: new Date(), durationMs: 5, httpStatus: 200, errorKind: null, excerpt: null },
    next: { status: 'delivered' },
    disabling: null,
  });
  expect(recorded.written).toBe(true);
  const rows = await sql(
    'SELECT d.status, a.number FROM deliveries d JOIN delivery_attempts a ON a.event_id = d.event_id AND a.delivery_id = d.id WHERE d.event_id = $1 ORDER BY 2',
    [waiting],
  );
  expect(rows).toEqual([1, 2].map((number) => ({ status: 'delivered', number })));

  const again = { eventId: ended, clientPk: practice.clientPk, endpointId: null, by: SYSTEM };
  expect(await redeliverEvent(deps, again)).toMatchObject({ outcome: 'redelivering' });
  expect(await sql('SELECT delivery_id IS NOT NULL AS ok FROM jobs WHERE event_id = $1', [ended])).toEqual([
    { ok: true },
  ]);
  await sql('DELETE FROM jobs WHERE event_id = $1', [ended]);
});

test('an old payment is shown with its event, listed with its attempts, and retried', async () => {
  const [{ id, event_id }] = (await sql(
    'SELECT p.id, e.id AS event_id FROM payments p JOIN events e ON e.payment_id = p.id WHERE p.job_id = 63',
  )) as [{ id: string; event_id: string }];
  const paymentId = id.replaceAll('-', '');
  expect(await showPayment({ database }, { paymentId })).toMatchObject({
    attempts: [{ number: 1 }],
    events: [{ id: event_id, deliveries: [{ eventId: event_id }] }],
  });
  const [endpoint] = await sql('SELECT id, lane_id AS "laneId" FROM webhook_endpoints');
  const listed = await listDeliveries({ database }, { endpoint, after: null, limit: ROWS + 1 });
  expect(listed).toHaveLength(ROWS);
  expect(listed.every(({ tries, attempts }) => tries.length === attempts)).toBe(true);
  expect(await retryPayment({ database }, { paymentId, userId: practice.userId, by: SYSTEM })).toMatchObject({
    outcome: 'retrying',
  });
});

test('a job of a delivery that does not name its event is refused', async () => {
  await expect(
    database.pool.query(
      `INSERT INTO jobs (kind, lane_id, delivery_id) SELECT 'deliver_webhook', id, 1 FROM lanes LIMIT 1`,
    ),
  ).rejects.toMatchObject({ code: '23502' });
});
