import { beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../core/database.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { type Bucket, setBucket } from './bucket.ts';
import { openCallCounter } from './call-counter.ts';
import type { LimitWindow } from './pace.ts';
import { takeCall } from './take-call.ts';

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
});

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;
const counter = (options?: { yields?: boolean }) => openCallCounter(practice, options);
const storedOf = ({ key }: Bucket) => sql(`SELECT calls, per_ms FROM rate_buckets WHERE key = '${key}'`);

/** Numbers from 0 to below 1 that a seed repeats (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** When a call left: the server granted it at some time between asking and the answer, and a slow machine can take long for that. */
type Left = { earliest: number; latest: number };

/** The largest number of calls that were in one window of that length for certain. */
function mostWithin(calls: readonly Left[], perMs: number): number {
  const sorted = calls.toSorted((a, b) => a.earliest - b.earliest);
  let most = 0;
  for (const [from, { earliest }] of sorted.entries()) {
    const within = sorted.slice(from).findIndex(({ latest }) => latest - earliest >= perMs);
    most = Math.max(most, within === -1 ? sorted.length - from : within);
  }
  return most;
}

const SCENARIOS: [seed: number, windows: LimitWindow[]][] = [
  [1, [{ calls: 1, perMs: 1_000 }]],
  [2, [{ calls: 3, perMs: 2_000 }]],
  [
    3,
    [
      { calls: 10, perMs: 1_000 },
      { calls: 100, perMs: 60_000 },
    ],
  ],
  [4, [{ calls: 40, perMs: 20_000 }]],
  [
    5,
    [
      { calls: 20, perMs: 1_000 },
      { calls: 60, perMs: 10_000 },
      { calls: 200, perMs: 120_000 },
    ],
  ],
  [6, [{ calls: 2, perMs: 30_000 }]],
];

test.each(SCENARIOS)(
  'calls at random times hold every window of the limit (%i: %o)',
  async (seed, windows) => {
    const random = randomOf(seed);
    const bucket = { key: `random-${seed}`, windows };
    await setBucket(practice, bucket);
    const lengths = windows.map(({ perMs }) => perMs);
    const startedAt = performance.now();
    let passed = 0;
    const left: Left[] = [];
    for (let n = 0; n < 250; n += 1) {
      // Bursts, pauses of all lengths, and now and then a rest after which a whole burst is free.
      const longest = lengths[Math.floor(random() * lengths.length)] ?? 0;
      const gap = random() < 0.6 ? 0 : Math.round(longest * random() ** 4 * 2);
      passed += gap;
      await sql(`UPDATE rate_buckets SET next_slots = (SELECT array_agg(slot - interval '${gap} ms' ORDER BY n)
                 FROM unnest(next_slots) WITH ORDINALITY AS each(slot, n)) WHERE key = '${bucket.key}'`);
      const asked = { key: bucket.key, yields: random() < 0.2, longestWaitMs: 3_000 };
      const since = passed + (performance.now() - startedAt);
      const taken = await takeCall(practice, asked);
      const until = passed + (performance.now() - startedAt);
      if (taken?.granted) left.push({ earliest: since + taken.waitMs, latest: until + taken.waitMs });
    }
    // Enough of them that a limit can be broken.
    expect(left.length).toBeGreaterThan(15);
    for (const { calls, perMs } of windows) {
      const most = mostWithin(left, perMs);
      expect(most, `in ${perMs} ms`).toBeLessThanOrEqual(calls);
      expect(most, `in ${perMs} ms`).toBeGreaterThan(0);
    }
  },
);

test('callers of two pools at once share the limit', async () => {
  const windows = [
    { calls: 10, perMs: 250 },
    { calls: 25, perMs: 1_000 },
  ];
  const bucket = { key: 'shared', windows };
  const other = openDatabase({ url: practice.url, poolSize: 6, applicationName: 'second pool' });
  const left: Left[] = [];
  const until = performance.now() + 2_500;
  const call = async (each: ReturnType<typeof counter>) => {
    while (performance.now() < until) {
      const earliest = performance.now();
      const taken = await each.take(bucket);
      const at = performance.now() + taken.waitMs;
      if (taken.granted) left.push({ earliest: earliest + taken.waitMs, latest: at });
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())));
    }
  };
  const pools = [counter(), openCallCounter({ database: other })];
  await Promise.all(Array.from({ length: 12 }, (_, n) => call(pools[n % 2] ?? counter())));
  await other.close();
  for (const { calls, perMs } of windows)
    expect(mostWithin(left, perMs), `${perMs} ms`).toBeLessThanOrEqual(calls);
  // And they use it: three quarters of it at least.
  expect(left.length).toBeGreaterThan(25 * 2.5 * 0.75);
}, 20_000);

test('calls that may be made within three seconds are counted one behind the other; later ones are not counted', async () => {
  const bucket = { key: 'slow', windows: [{ calls: 1, perMs: 1_000 }] };
  const waits: { granted: boolean; waitMs: number }[] = [];
  for (let n = 0; n < 5; n += 1) waits.push(await counter().take(bucket));
  expect(waits.map(({ granted }) => granted)).toEqual([true, true, true, false, false]);
  expect(waits[0]?.waitMs).toBe(0);
  for (const [n, { waitMs }] of waits.entries()) {
    const wait = Math.min(n, 3) * 1_100;
    expect(waitMs).toBeLessThanOrEqual(wait);
    expect(waitMs).toBeGreaterThan(wait - 1_000);
  }
});

test('a pause holds back every caller', async () => {
  const bucket = { key: 'paused', windows: [{ calls: 100, perMs: 1_000 }] };
  await setBucket(practice, bucket);
  await sql(`UPDATE rate_buckets SET paused_until = now() + interval '1 hour'`);
  for (const each of [counter(), counter({ yields: true })]) {
    const { granted, waitMs } = await each.take(bucket);
    expect(granted).toBe(false);
    expect(waitMs).toBeGreaterThan(3_590_000);
  }
});

/** Milliseconds until a call may be made, in the eyes of the two kinds of callers. */
const waitsFor = async ({ key }: Bucket) => {
  const ask = async (yields: boolean) =>
    (await takeCall(practice, { key, yields, longestWaitMs: -1 }))?.waitMs;
  return [(await ask(false)) ?? 0, (await ask(true)) ?? 0] as const;
};
const WIDE = { windows: [{ calls: 1000, perMs: 1_000 }] };
const about = (waitMs: number, saidMs: number) => {
  expect(waitMs).toBeLessThanOrEqual(saidMs);
  expect(waitMs).toBeGreaterThan(saidMs - 10_000);
};

test('of two pauses that overlap the longer one counts, whoever was answered', async () => {
  const bucket = { key: 'overlap', ...WIDE };
  await setBucket(practice, bucket);
  await counter().pause(bucket, { saidMs: 600_000 });
  await counter().pause(bucket, { saidMs: 1_000 });
  await counter({ yields: true }).pause(bucket, { saidMs: 1_000 });
  await counter({ yields: true }).pause(bucket, {});
  about((await waitsFor(bucket))[0], 600_000);
});

test('an answer to a call that no payment made pauses payments for a minute at most', async () => {
  const bucket = { key: 'odd', ...WIDE };
  await setBucket(practice, bucket);
  await counter({ yields: true }).pause(bucket, { saidMs: 3_600_000 });
  about((await waitsFor(bucket))[0], 60_000);
  // While payments wait, such calls begin when they were told to.
  await sql(
    `UPDATE rate_buckets SET paused_until = now() - interval '1 s', wanted_until = now() + interval '1 hour'`,
  );
  const [payments, others] = await waitsFor(bucket);
  expect(payments).toBeLessThanOrEqual(0);
  about(others, 3_600_000);
});

test('after each pause payments go before calls that get one 429 after the other', async () => {
  const bucket = { key: 'row', windows: [{ calls: 6, perMs: 60_000 }] };
  await setBucket(practice, bucket);
  await counter({ yields: true }).pause(bucket, { saidMs: 1_000 });
  await sql(`UPDATE rate_buckets SET wanted_until = now() + interval '1 hour'`);
  const [payments, others] = await waitsFor(bucket);
  expect(others - payments).toBeGreaterThan(60_000);
});

test('a pause of which the EMR names no length doubles while one follows the other, up to a minute', async () => {
  const bucket = { key: 'unsaid', ...WIDE };
  await setBucket(practice, bucket);
  const pause = () => counter().pause(bucket, {});
  const lengths: number[] = [];
  // Later than the column's rounding.
  const over = `(now() - interval '5 ms')`;
  const lengthOf = async () =>
    (await sql('SELECT round(extract(epoch FROM paused_until - updated_at))::int AS s FROM rate_buckets'))[0]
      .s;
  for (let n = 0; n < 8; n += 1) {
    await pause();
    // Answers to calls that were under way say nothing more.
    await pause();
    lengths.push(await lengthOf());
    await sql(
      `UPDATE rate_buckets SET updated_at = updated_at - (paused_until - ${over}), paused_until = ${over}`,
    );
  }
  expect(lengths).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  await sql(
    `UPDATE rate_buckets SET updated_at = now() - interval '3 min', paused_until = now() - interval '2 min'`,
  );
  await pause();
  expect(await lengthOf()).toBe(1);
});

test('a pause of a bucket that nobody has called is none', async () => {
  await counter().pause({ key: 'nobody', ...WIDE }, { saidMs: 1_000 });
  expect(await sql('SELECT key FROM rate_buckets')).toEqual([]);
});

test('calls that no payment waits for leave three quarters of the burst', async () => {
  const bucket = { key: 'hour', windows: [{ calls: 80, perMs: 3_600_000 }] };
  const take = async (yields: boolean) => (await counter({ yields }).take(bucket)).granted;
  expect([await take(true), await take(true), await take(true)]).toEqual([true, true, false]);
  const rest: boolean[] = [];
  for (let n = 0; n < 7; n += 1) rest.push(await take(false));
  expect(rest).toEqual([true, true, true, true, true, true, false]);
});

test('while payments wait, calls that no payment waits for get every fourth, and the others all', async () => {
  const bucket = { key: 'wanted', windows: [{ calls: 80, perMs: 3_600_000 }] };
  await setBucket(practice, bucket);
  const ask = (yields: boolean) => takeCall(practice, { key: bucket.key, yields, longestWaitMs: 3_000 });
  await sql(`UPDATE rate_buckets SET wanted_until = now() + interval '1 hour'`);
  const gapMs = (3_600_000 * 1.1) / 73;
  expect((await ask(true))?.granted).toBe(true);
  const refused = await ask(true);
  expect(refused?.granted).toBe(false);
  expect(refused?.waitMs).toBeGreaterThan(4 * gapMs - 5_000);
  expect(refused?.waitMs).toBeLessThanOrEqual(4 * gapMs + 1);
  expect((await ask(false))?.granted).toBe(true);
  await sql(
    `UPDATE rate_buckets SET wanted_until = now() - interval '1 s', next_slots = ARRAY[timestamptz 'epoch']`,
  );
  expect((await ask(true))?.granted).toBe(true);
  expect((await ask(true))?.granted).toBe(true);
});

test('a call that yields is not counted ahead: what is free now stays free for payments', async () => {
  const bucket = { key: 'ahead', windows: [{ calls: 40, perMs: 10_000 }] };
  await setBucket(practice, bucket);
  const ask = (yields: boolean) => takeCall(practice, { key: bucket.key, yields, longestWaitMs: 3_000 });
  expect((await ask(true))?.granted).toBe(true);
  const refused = await ask(true);
  expect(refused).toMatchObject({ granted: false });
  // The free calls: a burst of four, less one.
  for (let n = 0; n < 3; n += 1) expect(await ask(false)).toMatchObject({ granted: true, waitMs: 0 });
  // Its counter waits for it, here a few hundred milliseconds.
  expect(await counter({ yields: true }).take(bucket)).toMatchObject({ granted: true, waitMs: 0 });
});

test('a call that yields takes nothing of the limit when its caller has given up', async () => {
  const bucket = { key: 'given-up', windows: [{ calls: 40, perMs: 10_000 }] };
  await setBucket(practice, bucket);
  const yielding = counter({ yields: true });
  expect(await yielding.take(bucket)).toMatchObject({ granted: true });
  const stop = new AbortController();
  const waiting = yielding.take(bucket, { signal: stop.signal });
  stop.abort();
  expect(await waiting).toMatchObject({ granted: false });
  for (let n = 0; n < 3; n += 1) expect(await counter().take(bucket)).toEqual({ granted: true, waitMs: 0 });
});

test('a call that waits long is counted when it may be made, however far that is; others are refused meanwhile', async () => {
  const bucket = { key: 'look-up', windows: [{ calls: 4, perMs: 10_000 }] };
  for (let n = 0; n < 3; n += 1) expect(await counter().take(bucket)).toMatchObject({ granted: true });
  const startedAt = performance.now();
  const waiting = counter().take(bucket, { waitsLong: true });
  expect(await counter().take(bucket)).toMatchObject({ granted: false });
  expect((await waiting).granted).toBe(true);
  expect(performance.now() - startedAt).toBeGreaterThan(5_000);
}, 30_000);

test('a call that waits long makes way for a pause that begins meanwhile, and ends with its caller', async () => {
  const bucket = { key: 'ends', windows: [{ calls: 4, perMs: 10_000 }] };
  for (let n = 0; n < 3; n += 1) await counter().take(bucket);
  const stop = new AbortController();
  const ended = counter().take(bucket, { waitsLong: true, signal: stop.signal });
  const paused = counter().take(bucket, { waitsLong: true });
  await counter().pause(bucket, { saidMs: 3_600_000 });
  stop.abort();
  expect((await ended).granted).toBe(false);
  expect(await paused).toMatchObject({ granted: false });
  expect((await paused).waitMs).toBeGreaterThan(3_500_000);
}, 30_000);

test('a bucket without a row is added by the first call, and no later call changes its windows', async () => {
  const bucket = { key: 'office', windows: [{ calls: 60, perMs: 60_000 }] };
  expect((await counter().take(bucket)).granted).toBe(true);
  const stored = [{ calls: [60], per_ms: [60_000] }];
  expect(await storedOf(bucket)).toEqual(stored);

  // Connections that share it, and say less, more or another window.
  for (const windows of [
    [{ calls: 30, perMs: 60_000 }],
    [{ calls: 600, perMs: 60_000 }],
    [{ calls: 1, perMs: 1_000 }],
  ])
    for (const yields of [false, true]) await counter({ yields }).take({ ...bucket, windows });
  expect(await storedOf(bucket)).toEqual(stored);
});

test('many first calls at once write one bucket, and all of them count', async () => {
  const bucket = { key: 'new', windows: [{ calls: 40, perMs: 3_600_000 }] };
  const taken = await Promise.all(Array.from({ length: 12 }, () => counter().take(bucket)));
  expect(taken.filter(({ granted }) => granted).length).toBe(4);
  expect(await storedOf(bucket)).toEqual([{ calls: [40], per_ms: [3_600_000] }]);
});

test('many calls in the same moment are counted one after the other', async () => {
  for (let round = 0; round < 10; round += 1) {
    const bucket = { key: `moment-${round}`, windows: [{ calls: 40, perMs: 3_600_000 }] };
    await setBucket(practice, bucket);
    const taken = await Promise.all(Array.from({ length: 30 }, () => counter().take(bucket)));
    expect(taken.filter(({ granted }) => granted).length).toBe(4);
  }
});

test('a change of the windows gives no new burst', async () => {
  const bucket = { key: 'changed', windows: [{ calls: 40, perMs: 3_600_000 }] };
  for (let n = 0; n < 4; n += 1) expect((await counter().take(bucket)).granted).toBe(true);
  await setBucket(practice, { ...bucket, windows: [{ calls: 50, perMs: 3_600_000 }] });
  expect((await counter().take({ ...bucket, windows: [{ calls: 50, perMs: 3_600_000 }] })).granted).toBe(
    false,
  );
});

test('a bucket without windows is a mistake', async () => {
  await expect(setBucket(practice, { key: 'none', windows: [] })).rejects.toThrow('has no window');
});
