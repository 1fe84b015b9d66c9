import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { feedJobs } from './feed-jobs.ts';

// The feed writes to the lanes with a rate or a bucket, several at once. So do the ends of payments and deliveries that close
// circuits. Whatever writes to several lanes locks them in the order of their ids: else two of them wait for each other.

const LANES = 40;

let practice: OpenPractice;
/** Its planner reads the lanes in the order in which they lie in the table, as it may choose to at any time. */
let database: Database;
beforeEach(async () => {
  practice = await openPractice();
  const url = new URL(practice.url);
  url.searchParams.set('options', '-c enable_nestloop=off -c enable_mergejoin=off -c enable_indexscan=off');
  database = openDatabase({ url: url.href, poolSize: 2, applicationName: 'test feed' });
});
afterEach(async () => {
  await database.close();
  await practice.close();
});
const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;

/** Lanes with a rate, and with a bucket where one is wanted. Each has a job, and what is due first is in no order of their ids. */
async function openLanes({ bucket }: { bucket: boolean }): Promise<void> {
  if (bucket)
    await sql(`INSERT INTO rate_buckets (key, calls, per_ms, burst, interval_us, next_slots, feed_slots)
               VALUES ('b', '{100000}', '{1000}', '{100000}', '{10}', '{epoch}', '{epoch}')`);
  // Written in no order of their ids, and counted: the planner may then read the table instead of an index.
  await sql(`INSERT INTO lanes (id, kind, concurrency, rate_per_second, failures, bucket_id)
             SELECT 100000 + n, 'endpoint', 100, 1000, 1, ${bucket ? '(SELECT id FROM rate_buckets)' : 'NULL::int'}
               FROM generate_series(1, ${LANES}) AS n ORDER BY random()`);
  await sql(
    `INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', id FROM lanes WHERE rate_per_second IS NOT NULL`,
  );
  await sql('ANALYZE lanes, jobs');
}

/** Makes the jobs waiting again, in another order of age, and writes the lanes again in no order of their ids. */
const again = () =>
  sql(`WITH shuffled AS MATERIALIZED (SELECT id FROM lanes WHERE rate_per_second IS NOT NULL ORDER BY random()),
            lane AS (UPDATE lanes SET failures = 1, next_slot = NULL FROM shuffled WHERE lanes.id = shuffled.id)
       UPDATE jobs SET queued_at = NULL, run_at = now() - random() * interval '1 hour'`);

test.each([
  ['a rate', { bucket: false }],
  ['a rate and a bucket', { bucket: true }],
])('a feed of lanes with %s that waits for the lowest one has locked no other', async (_name, input) => {
  await openLanes(input);
  const other = await practice.owner.pool.connect();
  try {
    for (let round = 0; round < 10; round += 1) {
      await again();
      await other.query('BEGIN');
      await other.query(
        'SELECT FROM lanes WHERE rate_per_second IS NOT NULL ORDER BY id LIMIT 1 FOR NO KEY UPDATE',
      );
      const feeding = feedJobs({ database }, 500);
      const WAITING = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      await expect.poll(async () => (await sql(WAITING)).length, { interval: 5, timeout: 20_000 }).toBe(1);
      const free = await other.query(
        'SELECT FROM lanes WHERE rate_per_second IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED',
      );
      expect(free.rowCount).toBe(LANES);
      await other.query('ROLLBACK');
      expect(await feeding).toHaveLength(LANES);
    }
  } finally {
    await other.query('ROLLBACK');
    other.release();
  }
});

test('a job that is put off while the feed waits for it is not fed', async () => {
  await sql(`INSERT INTO lanes (id, kind, concurrency) VALUES (100001, 'endpoint', 10)`);
  await sql(`INSERT INTO jobs (kind, lane_id) VALUES ('deliver_webhook', 100001)`);
  const other = await practice.owner.pool.connect();
  try {
    // As a holder does whose job the sweeper has taken back, and no other worker has claimed.
    await other.query('BEGIN');
    await other.query(`UPDATE jobs SET fence = fence + 1, run_at = now() + interval '5 seconds'`);
    const feeding = feedJobs({ database }, 10);
    const WAITING = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    await expect.poll(async () => (await sql(WAITING)).length, { interval: 5, timeout: 20_000 }).toBe(1);
    await other.query('COMMIT');
    expect(await feeding).toEqual([]);
    expect(await sql('SELECT queued_at FROM jobs')).toEqual([{ queued_at: null }]);
  } finally {
    other.release();
  }
});
