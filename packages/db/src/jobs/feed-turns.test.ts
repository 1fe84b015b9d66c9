import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../core/database.ts';
import { databaseOfFile } from '../testing/database-of-file.ts';
import { createFeed, feedJobs } from './feed-jobs.ts';

const openDatabase = databaseOfFile();
let database: Database;
beforeEach(async () => {
  ({ database } = await openDatabase());
});

const addLanes = (from: number, to: number) =>
  database.pool.query(
    `INSERT INTO lanes (id, kind, concurrency) SELECT n, 'connection', 64 FROM generate_series(${from}, ${to}) n`,
  );

/** Writes jobs of a lane that have been due for so many seconds. */
const addJobs = (lane: number, count: number, dueFor: number) =>
  database.pool.query(
    `INSERT INTO jobs (kind, lane_id, run_at)
     SELECT 'post_payment', ${lane}, now() - interval '${dueFor} seconds' + n * interval '1 microsecond' FROM generate_series(1, ${count}) n`,
  );

/** How many jobs of each lane are in flight. */
async function inFlight(): Promise<Record<number, number>> {
  const { rows } = await database.pool.query<{ lane: number; n: number }>(
    'SELECT lane_id AS lane, count(queued_at)::int AS n FROM jobs GROUP BY 1 ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ lane, n }) => [lane, n]));
}

/** Makes the feed use the statement for lanes with buckets. */
async function addLaneWithBucket(): Promise<void> {
  await database.pool.query(`
    WITH bucket AS (
      INSERT INTO rate_buckets (key, calls, per_ms, burst, interval_us, next_slots, feed_slots, updated_at)
      SELECT 'an EMR', '{9}', '{1000}', '{9}', '{1000}', unused, unused, now() FROM (SELECT ARRAY[now() - interval '1 minute'] AS unused) slots RETURNING id
    )
    INSERT INTO lanes (id, kind, concurrency, bucket_id) SELECT 99, 'connection', 1, id FROM bucket`);
  await addJobs(99, 1, 1);
}

for (const limited of [false, true])
  test(`lanes are fed in turns: one with fewer jobs in flight goes first (${limited ? 'with' : 'without'} buckets)`, async () => {
    await addLanes(1, 3);
    if (limited) await addLaneWithBucket();
    const feed = createFeed({ database });
    await addJobs(1, 100, 60);
    await addJobs(2, 100, 50);
    await feed(20);
    expect(await inFlight()).toMatchObject({ 1: 10, 2: 10 });
    // Due for the shortest time, and in flight with none.
    await addJobs(3, 5, 1);
    await feed(limited ? 6 : 5);
    expect(await inFlight()).toMatchObject({ 1: 10, 2: 10, 3: 5 });
    await feed(4);
    expect(await inFlight()).toMatchObject({ 1: 12, 2: 12, 3: 5 });
  });

test('with thousands of lanes a feed takes a job of each eighth lane, and those that are due longest', async () => {
  await addLanes(1, 2_400);
  await database.pool.query(
    `INSERT INTO jobs (kind, lane_id, run_at)
     SELECT 'post_payment', n, now() - n * interval '1 second' FROM generate_series(1, 2400) n, generate_series(1, 3)`,
  );
  expect(await feedJobs({ database }, 100)).toHaveLength(300);
  const { rows } = await database.pool.query(
    'SELECT min(lane_id) AS first, count(DISTINCT lane_id)::int AS lanes FROM jobs WHERE queued_at IS NOT NULL',
  );
  expect(rows).toEqual([{ first: 2_101, lanes: 300 }]);
});
