import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { setBucket } from '../buckets/bucket.ts';
import { openCallCounter } from '../buckets/call-counter.ts';
import type { Database } from '../core/database.ts';
import { DatabaseUnavailableError } from '../core/statements.ts';
import { type ClaimedPosting, claimPosting } from '../posting/claim-posting.ts';
import { retryPosting } from '../posting/retry-posting.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { createPractice, type Practice } from '../testing/practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { createFeed, feedJobs } from './feed-jobs.ts';

/** Four calls at once, and then one every 107 s. The feed leaves half of the four to the calls of the jobs in hand. */
const HOUR = { key: 'application', windows: [{ calls: 40, perMs: 3_600_000 }] };
const GAP_S = (3600 * 1.1) / 37;

let practice: OpenPractice;
let others: Practice[];
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice({ concurrency: 100 });
  others = [];
});

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;
const deps = () => ({ database: practice.database });

/** Adds connections, all with a lane of their own. */
async function addPractices(howMany: number): Promise<void> {
  for (let n = 0; n < howMany; n += 1)
    others.push(await createPractice(practice, { connection: { concurrency: 100 }, endpoint: null }));
}

const lanes = () => [practice.laneId, ...others.map(({ laneId }) => laneId)];

async function share(bucket = HOUR, laneIds = lanes()): Promise<number> {
  const id = await setBucket(practice, bucket);
  await sql(`UPDATE lanes SET bucket_id = ${id} WHERE id IN (${laneIds.join()})`);
  return id;
}

async function accept(at: Pick<Practice, 'input'>, howMany: number): Promise<void> {
  const acceptor = createAcceptor(practice);
  await Promise.all(Array.from({ length: howMany }, () => acceptor.accept(at.input())));
}

/** Feeds once. @returns the lanes of the jobs. */
async function fedLanes(): Promise<number[]> {
  const jobs = await feedJobs(deps(), 500);
  if (jobs.length === 0) return [];
  const rows = await sql(
    `SELECT lane_id FROM jobs WHERE id IN (${jobs.map(({ id }) => id).join()}) ORDER BY lane_id`,
  );
  return rows.map(({ lane_id }) => lane_id);
}

/** Lets so many seconds pass for all buckets. */
const pass = (seconds: number) =>
  sql(`UPDATE rate_buckets SET
         next_slots = (SELECT array_agg(slot - make_interval(secs => ${seconds}) ORDER BY n) FROM unnest(next_slots) WITH ORDINALITY AS each(slot, n)),
         feed_slots = (SELECT array_agg(slot - make_interval(secs => ${seconds}) ORDER BY n) FROM unnest(feed_slots) WITH ORDINALITY AS each(slot, n))`);

/** Records that the EMR has answered a posting with the wish to wait, as the worker does after its call. */
async function throttled({ claim }: ClaimedPosting, pauseMs: number): Promise<void> {
  await openCallCounter(practice).pause(HOUR, { saidMs: pauseMs });
  const answer = { code: 'rate_limited', reason: 'The EMR asked us to slow down.' };
  const postponement = {
    ...answer,
    status: 'retrying',
    delayMs: 0,
    farEnd: 'throttling',
    pauseMs,
    uncounted: null,
  } as const;
  await retryPosting(deps(), { claim, attempt: null, postponement });
}

test('the lanes of a bucket together get half of its burst at once, and then a job in every interval', async () => {
  await addPractices(1);
  await accept(practice, 20);
  await accept(others[0] as Practice, 20);
  await share();
  expect((await fedLanes()).length).toBe(2);
  expect(await fedLanes()).toEqual([]);
  await pass(GAP_S + 1);
  expect((await fedLanes()).length).toBe(1);
  expect(await fedLanes()).toEqual([]);
  // Time that was not used is made up for by the burst, and by no more.
  await pass(86_400);
  expect((await fedLanes()).length).toBe(2);
});

test('a connection with much waiting does not starve the others: all take turns', async () => {
  await addPractices(5);
  await accept(practice, 200);
  await share();
  expect(await fedLanes()).toEqual([practice.laneId, practice.laneId]);
  for (const other of others) await accept(other, 3);
  const turns: number[] = [];
  for (let n = 0; n < 12; n += 1) {
    await pass(GAP_S + 1);
    turns.push(...(await fedLanes()));
  }
  const count = new Map(lanes().map((lane) => [lane, turns.filter((each) => each === lane).length]));
  expect([...count.values()]).toEqual([2, 2, 2, 2, 2, 2]);
  // Those that came later go before the one that was served.
  expect(new Set(turns.slice(0, 5))).toEqual(new Set(others.map(({ laneId }) => laneId)));
});

test('within one feed each lane gets its first job before any gets its second', async () => {
  await addPractices(3);
  await accept(practice, 50);
  for (const other of others) await accept(other, 2);
  await share({ key: 'wide', windows: [{ calls: 100, perMs: 60_000 }] });
  // Five jobs: half of a burst of ten.
  const fed = await fedLanes();
  expect(fed.length).toBe(5);
  expect(new Set(fed)).toEqual(new Set(lanes()));
});

test('calls that are made leave the feed less, and the half that it leaves is there for them', async () => {
  await accept(practice, 20);
  await share();
  const calls = openCallCounter(practice);
  for (let n = 0; n < 2; n += 1) expect((await calls.take(HOUR)).granted).toBe(true);
  expect(await fedLanes()).toEqual([]);
  for (let n = 0; n < 2; n += 1) expect((await calls.take(HOUR)).granted).toBe(true);
  expect((await calls.take(HOUR)).granted).toBe(false);
  // The calls of jobs in hand come first: nothing is fed until the half is free again and one more.
  await pass(2 * GAP_S + 1);
  expect(await fedLanes()).toEqual([]);
  await pass(GAP_S);
  expect((await fedLanes()).length).toBe(1);
});

test('a bucket is wanted while a job is due that it cannot feed', async () => {
  await accept(practice, 5);
  await share();
  const wanted = async () => (await sql('SELECT wanted_until > now() AS wanted FROM rate_buckets'))[0].wanted;
  expect((await fedLanes()).length).toBe(2);
  expect(await wanted()).toBeNull();
  await fedLanes();
  expect(await wanted()).toBe(true);
  await sql(`UPDATE rate_buckets SET wanted_until = NULL`);
  await sql(`UPDATE jobs SET run_at = now() + interval '1 hour' WHERE queued_at IS NULL`);
  await fedLanes();
  expect(await wanted()).toBeNull();
});

test('every window of a bucket holds back the feed', async () => {
  await accept(practice, 20);
  await share({
    key: 'two windows',
    windows: [
      { calls: 1, perMs: 1_000 },
      { calls: 40, perMs: 3_600_000 },
    ],
  });
  expect((await fedLanes()).length).toBe(1);
  expect(await fedLanes()).toEqual([]);
  await pass(2);
  expect((await fedLanes()).length).toBe(1);
  await pass(2);
  expect(await fedLanes()).toEqual([]);
});

test('feeders at the same time share a bucket', async () => {
  await addPractices(1);
  await accept(practice, 20);
  await accept(others[0] as Practice, 20);
  await share();
  const counts = await Promise.all(Array.from({ length: 6 }, () => fedLanes()));
  expect(counts.flat().length).toBe(2);
});

test('the other limits of a lane hold too: its cap, its rate, its circuit', async () => {
  await addPractices(3);
  for (const each of [practice, ...others]) await accept(each, 20);
  await share({ key: 'wide', windows: [{ calls: 2_000, perMs: 60_000 }] });
  const [capped, rated, open] = lanes();
  await sql(`UPDATE lanes SET concurrency = 3 WHERE id = ${capped}`);
  await sql(`UPDATE lanes SET rate_per_second = 2 WHERE id = ${rated}`);
  await sql(`UPDATE lanes SET open_until = now() + interval '1 hour' WHERE id = ${open}`);
  const fed = await fedLanes();
  expect(lanes().map((lane) => fed.filter((each) => each === lane).length)).toEqual([3, 2, 0, 20]);
});

test('lanes without a bucket are fed beside an empty one, and neither they nor their rates are touched by it', async () => {
  await addPractices(1);
  const [other] = others as [Practice];
  await accept(practice, 5);
  await accept(other, 5);
  await share(HOUR, [practice.laneId]);
  await sql(`UPDATE rate_buckets SET feed_slots = ARRAY[now() + interval '1 hour']`);
  const feed = createFeed(deps());
  expect((await feed(3)).length).toBe(3);
  expect((await feed(500)).length).toBe(2);
  expect(await feed(500)).toEqual([]);
  expect(
    await sql(`SELECT id, next_slot, turn_at FROM lanes WHERE id IN (${lanes().join()}) ORDER BY id`),
  ).toEqual(lanes().map((id) => ({ id, next_slot: null, turn_at: null })));
});

test('a feed that has used the statement for buckets returns to the other one', async () => {
  await accept(practice, 3);
  const bucketId = await share();
  const asked: string[] = [];
  const inTurn: Database['inTurn'] = (input) => {
    asked.push(input.statement.name);
    return practice.database.inTurn(input);
  };
  const feed = createFeed({ database: { pool: practice.database.pool, inTurn } });
  expect((await feed(500)).length).toBe(2);
  expect(await feed(500)).toEqual([]);
  await sql(`UPDATE lanes SET bucket_id = NULL WHERE bucket_id = ${bucketId}`);
  expect((await feed(500)).length).toBe(1);
  await accept(practice, 1);
  expect((await feed(500)).length).toBe(1);
  expect(asked).toEqual(['feed', 'feed-limited', 'feed-limited', 'feed-limited', 'feed']);
});

test('jobs that wait because the feed is full use up nothing of their bucket', async () => {
  await addPractices(1);
  const [other] = others as [Practice];
  await accept(other, 5);
  await accept(practice, 5);
  await share(HOUR, [practice.laneId]);
  const before = await sql('SELECT feed_slots FROM rate_buckets');
  expect((await feedJobs(deps(), 5)).length).toBe(5);
  expect(await sql('SELECT feed_slots FROM rate_buckets')).toEqual(before);
});

test('a lane with many jobs in flight does not keep its bucket waiting while others fill the feed', async () => {
  await addPractices(2);
  const [beside, busy] = others as [Practice, Practice];
  await accept(practice, 7);
  await share({ key: 'one a second', windows: [{ calls: 1, perMs: 1_000 }] }, [
    practice.laneId,
    beside.laneId,
  ]);
  await sql(
    `UPDATE jobs SET queued_at = now() WHERE id IN (SELECT id FROM jobs WHERE lane_id = ${practice.laneId} ORDER BY id LIMIT 6)`,
  );
  await accept(beside, 3);
  const feed = createFeed(deps());
  const fed = new Set<number>();
  // Each time another lane has as many due jobs as a feed takes, all with lower turns than those of the first lane.
  for (let n = 0; n < 4; n += 1) {
    await accept(busy, 5);
    const jobs = await feed(5);
    for (const { id } of jobs) {
      const [row] = await sql(`SELECT lane_id FROM jobs WHERE id = ${id}`);
      fed.add(row.lane_id);
    }
    await sql(
      `DELETE FROM jobs WHERE lane_id IN (${beside.laneId}, ${busy.laneId}) AND queued_at IS NOT NULL`,
    );
    await pass(2);
  }
  expect(fed).toEqual(new Set(lanes()));
});

test('a wait that the EMR asks for pauses the bucket, all its lanes and callers, and no other', async () => {
  await addPractices(2);
  const [shared, apart] = others as [Practice, Practice];
  await accept(practice, 1);
  await share(HOUR, [practice.laneId, shared.laneId]);
  const [job] = await feedJobs(deps(), 1);
  const posting = await claimPosting(deps(), { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 });
  if (posting === null) throw new Error('the fed job could not be claimed');
  await throttled(posting, 600_000);
  const [bucket] = await sql(
    'SELECT extract(epoch FROM paused_until - now())::float8 AS wait FROM rate_buckets',
  );
  expect(bucket.wait).toBeGreaterThan(590);
  expect(bucket.wait).toBeLessThanOrEqual(600);
  expect(await sql('SELECT DISTINCT open_until FROM lanes')).toEqual([{ open_until: null }]);

  await pass(86_400);
  await accept(shared, 2);
  await accept(apart, 2);
  expect(await fedLanes()).toEqual([apart.laneId, apart.laneId]);
  expect((await openCallCounter(practice).take(HOUR)).granted).toBe(false);
  await sql(`UPDATE rate_buckets SET paused_until = now() - interval '1 s'`);
  expect(await fedLanes()).toEqual([practice.laneId, shared.laneId]);
});

test('an outage after the lanes without a limit were fed does not keep their jobs from being handed over', async () => {
  await addPractices(1);
  const [limited] = others;
  if (limited === undefined) throw new Error('no practice');
  await share(HOUR, [limited.laneId]);
  await accept(practice, 2);
  await accept(limited, 1);
  let turns = 0;
  const feed = createFeed({
    database: {
      pool: practice.database.pool,
      inTurn(input) {
        turns += 1;
        if (turns === 2) return Promise.reject(new DatabaseUnavailableError('away'));
        return practice.database.inTurn(input);
      },
    },
  });
  expect(await feed(10)).toHaveLength(2);
  expect(turns).toBe(2);
  expect(await feed(10)).toHaveLength(1);
});
