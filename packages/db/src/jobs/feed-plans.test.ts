import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { buffersOf } from '../testing/buffers-of.ts';
import { FEED_FREE, FEED_LIMITED } from './feed-statements.ts';

// The feed is planned once on each connection, and again after each ANALYZE of the table, whose statistics can then say anything: that
// nothing waits, or that the table is empty. Its plan has to be the same in every state of them.

type Plan = {
  'Relation Name'?: string;
  'Node Type': string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
};

let server: TestDatabase;
let database: Database;
let owner: Client;

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 1, applicationName: 'plans', statementMs: 60_000 });
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  await owner.query(`
    ALTER TABLE jobs SET (autovacuum_enabled = false);
    INSERT INTO lanes (id, kind, concurrency) SELECT n, 'endpoint', 64 FROM generate_series(1, 2000) n`);
});
afterAll(async () => {
  await owner.end();
  await database.close();
  await server.drop();
});

/** Writes jobs in lanes, of which this share waits. */
const write = (howMany: number, { lanes, waiting }: { lanes: number; waiting: number }) =>
  owner.query(
    `INSERT INTO jobs (kind, lane_id, queued_at, run_at)
     SELECT 'deliver_webhook', 1 + n % $2::int, CASE WHEN n * 7919 % 1000 >= $3::float8 * 1000 THEN now() END, now() + n * interval '1 microsecond'
       FROM generate_series(1, $1::int) n`,
    [howMany, lanes, waiting],
  );

/** Where a plan reads jobs: the kind of node, the index, and the columns that the index serves. */
function readsOfJobs(plan: Plan): string[] {
  const columns = (plan['Index Cond'] ?? '').match(/\b(lane_id|run_at|queued_at|id) [<>=]+/g) ?? [];
  const isRead = plan['Relation Name'] === 'jobs' && plan['Node Type'] !== 'ModifyTable';
  const read = [plan['Node Type'], plan['Index Name'], columns.join(' and ')].join(' ').trim();
  return [...(isRead ? [read] : []), ...(plan.Plans ?? []).flatMap(readsOfJobs)];
}

const NEXT_LANE = 'Index Only Scan jobs_waiting lane_id > and lane_id <';
const KNOWN_LANE = 'Index Only Scan jobs_waiting lane_id = and run_at >=';
const DUE = 'Index Only Scan jobs_waiting lane_id = and run_at >= and run_at <=';
const IN_FLIGHT = 'Index Only Scan jobs_in_flight lane_id = and queued_at >=';
const MARKED = 'Index Scan jobs_pkey id =';

const WANTED = {
  [FEED_FREE.name]: [NEXT_LANE, KNOWN_LANE, IN_FLIGHT, DUE, MARKED],
  // It looks a second time for due jobs, of buckets that are used up.
  [FEED_LIMITED.name]: [NEXT_LANE, KNOWN_LANE, IN_FLIGHT, DUE, MARKED, DUE],
};

let explained = 0;
async function planOf(name: string): Promise<Plan> {
  const text = `EXPLAIN (FORMAT JSON) EXECUTE "${name}"(500, '{endpoint}', '{}', '{}', '{}')`;
  const statement = { name: `explain ${explained++}`, text };
  const [row] = await database.inTurn<{ 'QUERY PLAN': [{ Plan: Plan }] }>({ turn: 1, statement, values: [] });
  if (row === undefined) throw new Error('no plan');
  return row['QUERY PLAN'][0].Plan;
}

const STATES = [0, 10_000].flatMap((dead) =>
  [1, 8, 500].flatMap((lanes) => [
    { dead, lanes, live: 0, waiting: 0 },
    ...[50, 5_000].flatMap((live) => [0, 0.01, 0.5, 1].map((waiting) => ({ dead, lanes, live, waiting }))),
  ]),
);

test('the feed reads jobs by the same indexes, whatever the statistics say', async () => {
  for (const statement of [FEED_FREE, FEED_LIMITED])
    await database.inTurn({ turn: 1, statement, values: [500, ['endpoint'], [], [], []] });
  for (const { dead, lanes, live, waiting } of STATES)
    for (const gather of ['ANALYZE', 'VACUUM ANALYZE']) {
      await owner.query('TRUNCATE jobs');
      await write(dead, { lanes, waiting: 0.5 });
      await owner.query('DELETE FROM jobs');
      await write(live, { lanes, waiting });
      await owner.query(`${gather} jobs`);
      for (const [name, reads] of Object.entries(WANTED)) {
        const state = `${name} after ${gather}: ${JSON.stringify({ dead, lanes, live, waiting })}`;
        expect(readsOfJobs(await planOf(name)).sort(), state).toEqual([...reads].sort());
      }
    }
}, 120_000);

test('a lane whose jobs are all due later costs a feed one look into the index', async () => {
  await owner.query('TRUNCATE jobs');
  await write(2_000, { lanes: 2_000, waiting: 1 });
  await owner.query(`UPDATE jobs SET run_at = run_at + interval '1 hour'`);
  await owner.query('VACUUM ANALYZE jobs');
  for (const statement of [FEED_FREE, FEED_LIMITED]) {
    const { text } = statement;
    const pages = await buffersOf({ database }, { text, values: [500, ['endpoint'], [], [], []] });
    // The root of the index and a leaf, twice where the lane's first entry is on another leaf.
    expect(pages / 2_000, statement.name).toBeLessThan(4);
  }
});
