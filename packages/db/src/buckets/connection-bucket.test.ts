import { beforeEach, expect, test } from 'vitest';
import { findConnection } from '../tenants/find-connection.ts';
import { type ConnectionSetup, connectUser, saveConnection } from '../tenants/save-connection.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import type { Bucket } from './bucket.ts';
import { linkBucket } from './link-bucket.ts';

const BUCKET = {
  key: 'application',
  windows: [
    { calls: 500, perMs: 3_600_000 },
    { calls: 10, perMs: 1_000 },
  ],
};

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
});

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;
const setup = (bucket: Bucket | null): ConnectionSetup => ({
  adapter: 'fhir-r5',
  baseUrl: 'http://127.0.0.1:1',
  credentials: { bearer_token: 't' },
  timeZone: 'America/New_York',
  concurrency: 4,
  bucket,
});
const save = (bucket: Bucket | null, change: Partial<ConnectionSetup> = {}) =>
  saveConnection(practice, { userId: practice.userId, ...setup(bucket), ...change });
const buckets = () => sql('SELECT key, calls, per_ms FROM rate_buckets ORDER BY id');
const keyOfLane = async () =>
  (
    await sql(
      `SELECT b.key FROM lanes l LEFT JOIN rate_buckets b ON b.id = l.bucket_id WHERE l.id = ${practice.laneId}`,
    )
  )[0].key;
const link = async (bucket: Bucket | null) => {
  const connection = await findConnection(practice, { userId: practice.userId });
  await linkBucket(practice, { userId: practice.userId, version: connection?.version ?? '', bucket });
};

test('a connection that is saved gets the bucket of its adapter, and another with the same key shares the row', async () => {
  await save(BUCKET);
  await connectUser(practice, {
    clientPk: practice.clientPk,
    name: 'B',
    by: { actor: 'cli:a', source: 's' },
    ...setup(BUCKET),
  });
  expect(await buckets()).toEqual([{ key: 'application', calls: [10, 500], per_ms: [1_000, 3_600_000] }]);
  const lanes = await sql(`SELECT bucket_id IS NOT NULL AS has FROM lanes WHERE kind = 'connection'`);
  expect(lanes).toEqual([{ has: true }, { has: true }]);
});

test('a connection that is saved again with the same bucket is left alone, and its calls go on counting', async () => {
  await save(BUCKET);
  await sql(`UPDATE rate_buckets SET next_slots = ARRAY[timestamptz '2026-01-01', '2026-01-02']`);
  expect((await save({ ...BUCKET, windows: BUCKET.windows.toReversed() })).written).toBe(false);
  expect(await sql('SELECT next_slots FROM rate_buckets')).toEqual([
    { next_slots: [new Date('2026-01-01'), new Date('2026-01-02')] },
  ]);
});

test('a limit that an operator says holds for all that share the bucket, also a looser one', async () => {
  const said = { setsLimit: true };
  await save({ ...BUCKET, windows: [{ calls: 5, perMs: 1_000 }] }, said);
  await save(BUCKET, said);
  expect(await buckets()).toEqual([{ key: 'application', calls: [10, 500], per_ms: [1_000, 3_600_000] }]);
});

test('a connection that is saved, opened or called without such a word leaves the stored limit as it is', async () => {
  await save(BUCKET, { setsLimit: true });
  const kept = await buckets();
  for (const calls of [1, 100_000]) {
    const other = { ...BUCKET, windows: [{ calls, perMs: 60_000 }] };
    await save(other);
    await connectUser(practice, {
      clientPk: practice.clientPk,
      name: 'Another',
      by: { actor: 'connect:c', source: 's' },
      ...setup(other),
    });
    await link(other);
    expect(await buckets()).toEqual(kept);
  }
});

test('a connection without a limit has no bucket, also when it had one', async () => {
  await save(BUCKET);
  expect((await save(null)).written).toBe(true);
  expect(await keyOfLane()).toBeNull();
});

test('a worker that opens a connection gives its lane the bucket of the adapter', async () => {
  await save(null);
  await link(BUCKET);
  expect(await keyOfLane()).toBe('application');
  await link({ ...BUCKET, key: 'api-key' });
  expect(await keyOfLane()).toBe('api-key');
  await link(null);
  expect(await keyOfLane()).toBeNull();
  // The connection is the same: what is cached by its version stays.
  expect(await save(null)).toMatchObject({ written: false });
});

test('a worker that opened a connection before it was changed changes nothing', async () => {
  const before = await findConnection(practice, { userId: practice.userId });
  await save({ ...BUCKET, key: 'newer' });
  await linkBucket(practice, { userId: practice.userId, version: before?.version ?? '', bucket: BUCKET });
  expect(await keyOfLane()).toBe('newer');
});
