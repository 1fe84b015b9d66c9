import { randomBytes } from 'node:crypto';
import { createFeed, type Database, openDatabase } from '@emr-payments/db';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client, escapeLiteral } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makePartitions } from './service/partitions.ts';
import { createTenants } from './service/tenants.ts';
import { askedBy, STEPS } from './set-steps.fixture.ts';

// Sets and the feed are planned once on each connection, and a worker that starts with an empty database keeps that plan. So they are
// prepared here while the tables are empty, and what they read is counted when the tables are full: more than twelve partitions of each.

const PAYMENTS = 20_000;
/** Jobs in a set. */
const SET = 40;

type Plan = {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
};

let server: TestDatabase;
let database: Database;
let owner: Client;
/** A statement has one text under its name. */
let explained = 0;

/** Tables of a few rows. */
const SMALL = new Set(['holds', 'restores', 'rate_buckets']);

/** Nodes that read a whole table or a whole index. */
function wholeReads(plan: Plan): string[] {
  const node = plan['Node Type'];
  const table = plan['Relation Name'] ?? '';
  // The feed's walk begins with the first lane of the index, and reads no further.
  const first = plan['Actual Rows'] === 1 && plan['Actual Loops'] === 1;
  const unbound = /^Index (Only )?Scan/.test(node) && plan['Index Cond'] === undefined && !first;
  const whole = node === 'Seq Scan' || unbound;
  return [
    ...(whole && !SMALL.has(table) ? [`${node} of ${table}`] : []),
    ...(plan.Plans ?? []).flatMap(wholeReads),
  ];
}

const buffersOf = (plan: Plan) => plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
const EXPLAIN = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON, TIMING OFF) EXECUTE';
const rows = async (text: string) => (await owner.query(text)).rows;

const arrayOf = (values: unknown[]) => {
  const texts = values.map((value) => (value instanceof Date ? value.toISOString() : value));
  return escapeLiteral(`{${texts.map((value) => (value === null ? 'NULL' : `"${value}"`)).join()}}`);
};

/** Runs a step's set on jobs that are there, with the plan that its connection has. @returns what it read. */
async function runStep(step: string): Promise<Plan> {
  const { statement, values } = await askedBy({ database }, step);
  const jobs = await rows(
    `SELECT id, fence FROM jobs WHERE kind = '${STEPS[step]?.of}' AND coalesce(payment_id::text, delivery_id::text) IS NOT NULL
      ORDER BY id DESC LIMIT ${SET}`,
  );
  const inputs = jobs.map(({ id, fence }) => [
    id,
    fence,
    ...values.slice(2).map((value) => (value === 'evt' ? `evt_of_${id}` : value)),
  ]);
  const literals = values.map((_, column) => arrayOf(inputs.map((input) => input[column])));
  const set = {
    name: `explain ${explained++}`,
    text: `${EXPLAIN} "${statement.set.name}"(${literals.join(', ')})`,
  };
  const [row] = await database.sets.runSet({ ...statement, set }, []);
  return row?.['QUERY PLAN'][0].Plan;
}

async function runFeed(name: string): Promise<Plan> {
  const statement = {
    name: `explain ${explained++}`,
    text: `${EXPLAIN} "${name}"(500, '{connection,endpoint,sync}', '{}', '{}', '{}')`,
  };
  const [row] = await database.inTurn({ turn: 1, statement, values: [] });
  return (row as { 'QUERY PLAN': [{ Plan: Plan }] } | undefined)?.['QUERY PLAN'][0].Plan as Plan;
}

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 2, applicationName: 'plans', statementMs: 60_000 });
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  await makePartitions({ client: owner }, { widthDays: 7, aheadDays: 160 });
  const tables = await rows(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  // No statistics: they would make the statements be planned again.
  for (const { relname } of tables) await rows(`ALTER TABLE "${relname}" SET (autovacuum_enabled = false)`);
  for (const step of Object.keys(STEPS)) {
    const { statement, values } = await askedBy({ database }, step);
    expect(await database.sets.runSet(statement, [values, values])).toEqual([]);
  }
  // A lane with a bucket waits, so that both statements of the feed are prepared.
  await rows(`
    INSERT INTO rate_buckets (key, calls, per_ms, burst, interval_us, next_slots, feed_slots)
    VALUES ('b', '{100}', '{1000}', '{100}', '{10000}', ARRAY[now()], ARRAY[now()]);
    INSERT INTO lanes (kind, concurrency, bucket_id) SELECT 'endpoint', 4, id FROM rate_buckets;
    INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', id FROM lanes`);
  await createFeed({ database })(500);
  await rows('DELETE FROM jobs; UPDATE lanes SET bucket_id = NULL');

  const tenants = await createTenants(
    { databaseUrl: server.url, encryptionKeys: `test:${randomBytes(32).toString('base64')}` },
    {
      count: 2,
      fhirUrl: () => 'http://127.0.0.1:1',
      webhookUrl: () => 'https://example.com/hook',
      webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
      postingCap: 4,
      deliveryCap: 4,
    },
  );
  const [tenant] = tenants;
  if (tenant === undefined) throw new Error('no tenant was made');
  await rows(`
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount, deposit_date)
    SELECT (left(first_payment_id(now() + n * interval '11 minutes')::text, 14) || '7' || substr(md5(n::text), 1, 3) || '-8'
            || substr(md5(n::text), 4, 3) || '-' || substr(md5(n::text), 7, 12))::uuid, n, ${tenant.userId}, 'MRN', 'p', 'Card', '#', '1404', 1, now() FROM generate_series(1, ${PAYMENTS}) AS n;
    INSERT INTO jobs (kind, lane_id, payment_id, queued_at) SELECT 'post_payment', ${tenant.laneId}, id, now() FROM payments;
    INSERT INTO events (id, client_pk, type, body) SELECT first_event_id(now() + n * interval '11 minutes') || substr(md5(n::text), 1, 16), ${tenant.clientPk}, 'payment.created', 'x' FROM generate_series(1, ${PAYMENTS}) AS n;
    INSERT INTO deliveries (event_id, endpoint_id, event_type, status) SELECT v.id, e.id, v.type, 'delivered' FROM events v JOIN webhook_endpoints e USING (client_pk);
    INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms) SELECT event_id, id, 1, now(), 1 FROM deliveries;
    INSERT INTO posting_attempts (payment_id, number) SELECT id, 0 FROM payments`);
}, 120_000);

afterAll(async () => {
  await owner.end();
  await database.close();
  await server.drop();
});

/**
 * Most buffers of 8 KiB that one job of a set touches: its rows, and the indexes to which rows are added. A plan that reads a table
 * whole touches hundreds.
 */
const MOST_EACH = 110;

describe.each(['with the plan of empty tables', 'with a plan of full ones'])('%s', (when) => {
  beforeAll(async () => {
    // Plans are made again after this.
    if (when !== 'with a plan of full ones') return;
    await rows('ANALYZE');
    // As the worker does it every hour.
    await makePartitions({ client: owner }, { widthDays: 7, aheadDays: 160 });
  });

  test.each(Object.keys(STEPS))('a set of %s looks its rows up one by one', async (step) => {
    const plan = await runStep(step);
    expect(wholeReads(plan)).toEqual([]);
    expect(buffersOf(plan) / SET).toBeLessThan(MOST_EACH);
  });

  test.each(['feed', 'feed-limited'])(
    'the statement %s costs as much for ten thousand jobs in a lane as for one',
    async (name) => {
      const jobs = (howMany: number) => `
      WITH lane AS (INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 2 FROM generate_series(1, 20) RETURNING id)
      INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', id FROM lane CROSS JOIN generate_series(1, ${howMany})`;
      await rows(jobs(2));
      const few = await runFeed(name);
      await rows(jobs(1_000));
      const many = await runFeed(name);
      expect(wholeReads(many)).toEqual([]);
      expect(buffersOf(few)).toBeGreaterThan(40);
      expect(buffersOf(many)).toBeLessThan(1.5 * buffersOf(few));
      await rows(
        'DELETE FROM jobs WHERE delivery_id IS NULL AND payment_id IS NULL; DELETE FROM jobs WHERE queued_at IS NULL',
      );
    },
  );
});
