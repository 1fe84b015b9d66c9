import { type Database, openDatabase } from '@emr-payments/db';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makePartitions } from './service/partitions.ts';
import { askedBy, STEPS } from './set-steps.fixture.ts';

// A set is planned once on each connection, and again after each ANALYZE or VACUUM of one of its tables. Those may find it empty, or with a
// handful of rows, a moment before ten thousand come. Whatever they have found, a set looks its rows up by their keys.

type Plan = { 'Node Type': string; 'Relation Name'?: string; 'Index Cond'?: string; Plans?: Plan[] };

let server: TestDatabase;
let database: Database;
let owner: Client;

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 1, applicationName: 'plans', statementMs: 60_000 });
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  await makePartitions({ client: owner }, { widthDays: 7, aheadDays: 60 });
  await owner.query(`INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'endpoint', 64)`);
});
afterAll(async () => {
  await owner.end();
  await database.close();
  await server.drop();
});

/** Its rows are few, and those that count are an index of their own. */
const SMALL = new Set(['holds']);

/** The reads of a plan that are bound by no key. */
function unbound(plan: Plan): string[] {
  const { 'Node Type': node, 'Relation Name': table, 'Index Cond': condition, Plans: plans = [] } = plan;
  const isRead = table !== undefined && node !== 'ModifyTable' && !SMALL.has(table);
  return [...(isRead && condition === undefined ? [`${node} of ${table}`] : []), ...plans.flatMap(unbound)];
}

let explained = 0;
async function planOf(step: string): Promise<Plan> {
  const { statement, values } = await askedBy({ database }, step);
  const nothing = values.map(() => 'NULL').join(', ');
  const set = {
    name: `explain ${explained++}`,
    text: `EXPLAIN (FORMAT JSON) EXECUTE "${statement.set.name}"(${nothing})`,
  };
  const [row] = await database.sets.runSet({ ...statement, set }, []);
  return row?.['QUERY PLAN'][0].Plan;
}

/** Writes jobs, deletes some, and leaves it to the statistics what to make of that. */
async function fill({ dead, live }: { dead: number; live: number }): Promise<void> {
  const write = (howMany: number) =>
    owner.query(
      `INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', 1 FROM generate_series(1, $1::int)`,
      [howMany],
    );
  await owner.query('TRUNCATE jobs');
  await write(dead);
  await owner.query('DELETE FROM jobs');
  await write(live);
}

test('a set looks its rows up by their keys, whatever the statistics say', { timeout: 60_000 }, async () => {
  for (const step of Object.keys(STEPS)) {
    const { statement, values } = await askedBy({ database }, step);
    expect(await database.sets.runSet(statement, [values, values])).toEqual([]);
  }
  // First the jobs are analysed alone, then all tables: the others are empty.
  for (const tables of ['jobs', ''])
    for (const dead of [0, 10_000])
      for (const live of [0, 1, 50, 1_000, 10_000])
        for (const gather of ['ANALYZE', 'VACUUM ANALYZE']) {
          await fill({ dead, live });
          await owner.query(`${gather} ${tables}`);
          for (const step of Object.keys(STEPS)) {
            const at = `${step} after ${gather} ${tables} of ${live} jobs and ${dead} dead ones`;
            expect(unbound(await planOf(step)), at).toEqual([]);
          }
        }
});
