import { randomBytes } from 'node:crypto';
import {
  beginAttempt,
  claimDelivery,
  claimPosting,
  createAcceptor,
  findClient,
  findUserByToken,
  listPayments,
  openCallCounter,
  recordDelivery,
  renewLeases,
  retryPosting,
  type StatementDeps,
  type Statements,
  settlePayment,
  sweepJobs,
} from '@emr-payments/db';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeHistory } from './service/history.ts';
import { makePartitions } from './service/partitions.ts';
import { type BenchTenant, createTenants } from './service/tenants.ts';

/** Tables that grow with every payment. A sequential scan of one of them makes the service slow in its second year. */
const GROWING = new Set([
  'payments',
  'jobs',
  'patients',
  'idempotency_keys',
  'posting_attempts',
  'events',
  'deliveries',
  'delivery_attempts',
]);

type Plan = { 'Node Type': string; 'Relation Name'?: string; Plans?: Plan[] };

/** Lists the growing tables, or the partitions of them, that a plan scans sequentially. */
function scansOf(plan: Plan): string[] {
  const table = (plan['Relation Name'] ?? '').replace(/_(old|default|\d{8})$/, '');
  const here = plan['Node Type'] === 'Seq Scan' && GROWING.has(table) ? [table] : [];
  return [...here, ...(plan.Plans ?? []).flatMap(scansOf)];
}

let server: TestDatabase;
let client: Client;
let tenant: BenchTenant;

/**
 * Runs `work` with a pool that explains each statement instead of executing it: once with its values, and once without them, as
 * PostgreSQL plans a prepared statement.
 *
 * @returns the tables that the statements would scan, and the number of statements.
 */
async function explain(
  work: (deps: StatementDeps) => Promise<unknown>,
): Promise<{ scans: string[]; count: number }> {
  const scans: string[] = [];
  let count = 0;
  const explainOne = async (options: string, text: string, values?: unknown[]): Promise<void> => {
    const config = { text: `EXPLAIN (FORMAT JSON${options}) ${text}`, ...(values && { values }) };
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(config);
    for (const row of rows) scans.push(...scansOf(row['QUERY PLAN'][0].Plan));
  };
  const query = async (asked: { name?: string; text: string; values: unknown[] }) => {
    count += 1;
    await explainOne('', asked.text, asked.values);
    if (asked.name !== undefined) await explainOne(', GENERIC_PLAN', asked.text);
    return { rows: [] };
  };
  await work({ database: { pool: { query: query as unknown as Statements['pool']['query'] } } });
  return { scans, count };
}

const bucket = { key: 'application', windows: [{ calls: 500, perMs: 3_600_000 }] };
const claim = { jobId: '100500', fence: 1 };
const event = { id: 'evt_new', type: 'payment.created', body: '{}' };
const attempt = {
  startedAt: new Date(),
  durationMs: 1,
  httpStatus: 200,
  errorKind: null,
  excerpt: null,
};

const HOT: Record<string, (deps: StatementDeps) => Promise<unknown>> = {
  'accept, and look up a key': async (deps) => {
    const acceptor = createAcceptor(deps);
    const input = {
      clientPk: tenant.clientPk,
      userId: tenant.userId,
      patientMrn: 'MRN-000001',
      paymentMethod: 'Card',
      referenceNumber: '#1',
      location: '1404',
      amount: '1.00',
      notes: null,
      depositDate: null,
      idempotency: { key: 'k', fingerprint: Buffer.alloc(32) },
    };
    await Promise.all(Array.from({ length: 50 }, () => acceptor.accept(input)));
  },
  'find a client': (deps) => findClient(deps, tenant),
  'find a user': (deps) => findUserByToken(deps, { clientPk: tenant.clientPk, tokenHash: Buffer.alloc(32) }),
  'list payments': (deps) => listPayments(deps, { userId: tenant.userId, limit: 21 }),
  'list a later page': (deps) => {
    const after = {
      createdAt: new Date(Date.now() - 30 * 86_400_000),
      id: `${'0'.repeat(8)}-0000-7000-8000-${'0'.repeat(12)}`,
    };
    return listPayments(deps, { userId: tenant.userId, limit: 21, after });
  },
  'list the worklist': (deps) =>
    listPayments(deps, { userId: tenant.userId, statuses: ['needs_review', 'failed'], limit: 21 }),
  'count a call against a limit': (deps) =>
    openCallCounter(deps)
      .take(bucket)
      .catch(() => undefined),
  'sweep lost jobs': (deps) =>
    sweepJobs(deps, {
      unclaimedMs: 5_000,
      limit: 1_000,
      waiting: { post_payment: null, deliver_webhook: Date.now(), sync_connection: null },
    }),
  'renew leases': (deps) => renewLeases(deps, { claims: [claim], leaseMs: 10_000 }),
  'claim a posting': (deps) => claimPosting(deps, { ...claim, leaseMs: 10_000 }),
  'begin an attempt': (deps) => beginAttempt(deps, { claim, knownAbsent: true, sentTo: 'emr' }),
  'settle a payment': (deps) =>
    settlePayment(deps, {
      claim,
      round: 0,
      clientPk: tenant.clientPk,
      result: { status: 'posted', emrTransactionId: '1' },
      attempt: { outcome: 'posted' },
      event,
    }),
  'postpone a payment': (deps) =>
    retryPosting(deps, {
      claim,
      attempt: { outcome: 'unknown' },
      postponement: {
        status: 'retrying',
        code: 'timeout',
        reason: 'The EMR did not answer in time.',
        delayMs: 1_000,
        farEnd: 'failing',
        uncounted: null,
      },
    }),
  'claim a delivery': (deps) => claimDelivery(deps, { ...claim, leaseMs: 10_000 }),
  'record a delivery': (deps) =>
    recordDelivery(deps, {
      claim,
      clientPk: tenant.clientPk,
      attempt,
      next: { status: 'delivered' },
      disabling: null,
    }),
};

beforeAll(async () => {
  server = await openTestDatabase();
  const encryptionKeys = `test:${randomBytes(32).toString('base64')}`;
  const tenants = await createTenants(
    { databaseUrl: server.url, encryptionKeys },
    {
      count: 4,
      fhirUrl: () => 'http://127.0.0.1:1',
      webhookUrl: () => 'https://example.com/hook',
      webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
      postingCap: 4,
      deliveryCap: 4,
    },
  );
  const [first] = tenants;
  if (first === undefined) throw new Error('no tenant was made');
  tenant = first;
  // Enough rows that the planner, which knows the tables' sizes, prefers an index to a sequential scan.
  await writeHistory({ databaseUrl: server.url }, { tenants, from: 0, to: 50_000 });
  client = new Client({ connectionString: server.url });
  await client.connect();
  // As many again over more than twelve partitions, which is as if time had passed.
  await makePartitions({ client }, { widthDays: 7, aheadDays: 160 });
  await client.query(`
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount,
                          deposit_date, status, round, created_at)
    SELECT (left(first_payment_id(at)::text, 14) || '7' || substr(md5(n::text), 1, 3) || '-8' || substr(md5(n::text), 4, 3) || '-'
            || substr(md5(n::text), 7, 12))::uuid, n, ${tenant.userId}, 'M-' || n, 'p', 'Card', '#' || n, '1404', 1, '2026-01-01', 'posted', 1, at
       FROM generate_series(1, 50000) AS n, LATERAL (SELECT now() + n * interval '276 seconds' AS at) AS time;
    INSERT INTO events (id, client_pk, user_id, payment_id, round, type, body, created_at)
    SELECT first_event_id(created_at) || substr(md5(id::text), 1, 16), ${tenant.clientPk}, user_id, id, 1, 'payment.created', 'x', created_at
      FROM payments WHERE created_at > now();
    INSERT INTO deliveries (event_id, endpoint_id, event_type, status, created_at)
    SELECT v.id, e.id, v.type, 'delivered', v.created_at
      FROM events v JOIN webhook_endpoints e USING (client_pk) WHERE v.created_at > now();
    INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms)
    SELECT event_id, id, 1, created_at, 1 FROM deliveries WHERE created_at > now();
    INSERT INTO posting_attempts (payment_id, number, outcome) SELECT id, 1, 'posted' FROM payments WHERE created_at > now()`);
  // Jobs for two hundred far ends, most of them waiting, and the patients of many practices.
  await client.query(`
    INSERT INTO lanes (kind, concurrency) SELECT 'connection', 4 FROM generate_series(1, 200);
    INSERT INTO jobs (kind, lane_id, payment_id, queued_at)
    SELECT 'post_payment', (SELECT max(id) FROM lanes) - row_number() OVER () % 200, id,
           CASE WHEN random() < 0.05 THEN now() END
      FROM payments LIMIT 20000;
    INSERT INTO patients (user_id, mrn, emr_patient_id)
    SELECT ${tenant.userId}, 'P-' || n, 'p' FROM generate_series(1, 200000) AS n`);
  await client.query('VACUUM ANALYZE');
  // As the worker does it every hour.
  await makePartitions({ client }, { widthDays: 7, aheadDays: 160 });
});

afterAll(async () => {
  await client.end();
  await server.drop();
});

describe('no hot statement scans a growing table sequentially', () => {
  test.each(Object.keys(HOT))('%s', async (name) => {
    const { scans, count } = await explain(HOT[name] as (deps: StatementDeps) => Promise<unknown>);
    expect(count).toBeGreaterThan(0);
    expect(scans).toEqual([]);
  });

  test('a statement that does is found', async () => {
    const text = 'SELECT * FROM payments WHERE notes = $1';
    const { scans } = await explain(({ database }) =>
      database.pool.query({ name: 'bad', text, values: ['x'] }),
    );
    // Every partition of them, with the values and without.
    expect(new Set(scans)).toEqual(new Set(['payments']));
    expect(scans.length).toBeGreaterThan(24);
  });
});
