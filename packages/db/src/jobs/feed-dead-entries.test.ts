import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { createFeed, type Feed } from './feed-jobs.ts';
import { createLaneStarts } from './lane-starts.ts';

// Between two runs of VACUUM the indexes have a dead entry for each job that was fed, and one for each that was in flight.

let server: TestDatabase;
let database: Database;
let owner: Client;
let feed: Feed;
/** The values of the last feed. */
let asked: unknown[];
const onEarlier = vi.fn();

beforeEach(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.url, poolSize: 2, applicationName: 'test', statementMs: 60_000 });
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  await owner.query(`
    ALTER TABLE jobs SET (autovacuum_enabled = false);
    INSERT INTO lanes (id, kind, concurrency) SELECT n, 'connection', 500 FROM generate_series(1, 3) n`);
  onEarlier.mockReset();
  feed = createFeed(
    {
      database: {
        pool: database.pool,
        inTurn: (input) => {
          asked = input.values;
          return database.inTurn(input);
        },
      },
    },
    { onEarlier },
  );
});
afterEach(async () => {
  await owner.end();
  await database.close();
  await server.drop();
});

const write = (howMany: number, ago: string) =>
  owner.query(
    `INSERT INTO jobs (kind, lane_id, run_at)
     SELECT 'post_payment', 2, now() - $2::interval + n * interval '100 milliseconds' FROM generate_series(1, $1::int) n`,
    [howMany, ago],
  );

/** Feeds one new job. @returns how many pages the feed reads, with the values of the feed before it. */
async function pagesOfFeed(): Promise<number> {
  await feed(500);
  await write(1, '100 milliseconds');
  const literals = asked.map((value) => (Array.isArray(value) ? `'{${value.join()}}'` : value));
  const statement = {
    name: `explain ${performance.now()}`,
    text: `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE feed(${literals})`,
  };
  const [row] = await database.inTurn({ turn: 1, statement, values: [] });
  const plan = row?.['QUERY PLAN'][0].Plan;
  await owner.query('DELETE FROM jobs');
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}

/** Feeds so many jobs and ends them. */
async function feedAndEnd(howMany: number): Promise<void> {
  await write(howMany, '2 hours');
  for (let fed = 0; fed < howMany; ) {
    const jobs = await feed(500);
    fed += jobs.length;
    await owner.query('DELETE FROM jobs WHERE id = ANY ($1)', [jobs.map(({ id }) => id)]);
  }
}

test.each(['free', 'held by an old snapshot'])(
  'a feed costs as much after 30,000 fed jobs as before them, with a horizon that is %s',
  async (horizon) => {
    const fresh = await pagesOfFeed();
    const reader = new Client({ connectionString: server.url });
    await reader.connect();
    if (horizon !== 'free') await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
    await feedAndEnd(30_000);
    await expect.poll(pagesOfFeed, { timeout: 30_000 }).toBeLessThan(3 * fresh);
    await reader.end();
  },
  90_000,
);

test('a job that is put back with an old time is found by the next look, and in every other lane at once', async () => {
  await feedAndEnd(1_000);
  await owner.query(
    `INSERT INTO jobs (kind, lane_id, run_at) SELECT 'post_payment', n, now() - interval '1 day' FROM generate_series(1, 3) n`,
  );
  const found = await feed(500);
  expect(found.length).toBeGreaterThanOrEqual(2);
  await expect.poll(async () => (await feed(500)).length + found.length, { timeout: 30_000 }).toBe(3);
});

test('the lanes that were fed last are remembered, and no more than 64', () => {
  const starts = createLaneStarts({ database }, { onEarlier });
  const jobs = Array.from({ length: 100 * 200 }, (_, n) => ({
    laneId: 1 + Math.floor(n / 200),
    runAt: 5_000 + n,
  }));
  starts.note(jobs);
  expect(starts.parameters()[0]).toEqual(Array.from({ length: 64 }, (_, n) => 37 + n));
});

test('a job that a look finds while a feed is under way is seen by the next feed, although the one under way fed later jobs', async () => {
  const starts = createLaneStarts({ database }, { onEarlier });
  const now = Date.now();
  const later = Array.from({ length: 200 }, () => ({ laneId: 2, runAt: now }));
  await owner.query(
    `INSERT INTO jobs (kind, lane_id, run_at) VALUES ('post_payment', 2, now() - interval '1 day')`,
  );
  starts.note(later);
  // A feed begins. A look ends, and then the feed.
  starts.parameters();
  starts.look();
  await expect.poll(() => onEarlier.mock.calls.length).toBe(1);
  starts.note(later);
  const [, [since]] = starts.parameters();
  expect(since).toBeLessThan(now - 60_000);
  // The feed that saw it leaves the others where it ends.
  starts.note(later);
  expect(starts.parameters()[1]).toEqual([now - 1_000]);
});
