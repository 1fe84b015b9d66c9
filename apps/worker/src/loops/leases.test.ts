import type { Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { createLogger } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLeaseKeeper, type LeaseKeeper } from './leases.ts';

const openDatabase = databaseOfFile();
let database: Database;
let keeper: LeaseKeeper;
const LEASE_MS = 1_500;

beforeEach(async () => {
  ({ database } = await openDatabase());
  keeper = createLeaseKeeper({ database, logger: createLogger('test', 'silent') }, { leaseMs: LEASE_MS });
  await database.pool.query(
    `INSERT INTO jobs (id, kind, lane_id, queued_at, fence, lease_until)
     VALUES (1, 'post_payment', 1, now(), 3, now() + interval '1500 ms')`,
  );
});

afterEach(async () => {
  await keeper.close();
});

const secondsLeft = async () => {
  const { rows } = await database.pool.query(
    'SELECT extract(epoch FROM lease_until - now())::float8 AS left FROM jobs',
  );
  return rows[0].left as number;
};

test('a lease is renewed until it is released, and not after', async () => {
  const started = performance.now();
  const held = keeper.hold({ jobId: '1', fence: 3 }, started);
  await vi.waitUntil(() => performance.now() - started > 2 * LEASE_MS, { timeout: 10_000 });
  expect(await secondsLeft()).toBeGreaterThan(0);
  expect(held.isSafe()).toBe(true);
  expect(held.signal.aborted).toBe(false);

  held.release();
  expect(held.isSafe()).toBe(false);
  await vi.waitUntil(async () => (await secondsLeft()) < 0, { timeout: 10_000 });
});

test('a claim that has passed to another worker is aborted at the next renewal', async () => {
  const held = keeper.hold({ jobId: '1', fence: 3 }, performance.now());
  await database.pool.query('UPDATE jobs SET fence = 4');
  await vi.waitUntil(() => held.signal.aborted, { timeout: 10_000 });
  expect(held.isSafe()).toBe(false);
});

test('a lease that was not renewed is unsafe as soon as it may have run out', async () => {
  const held = keeper.hold({ jobId: '1', fence: 3 }, performance.now() - LEASE_MS);
  expect(held.isSafe()).toBe(false);
  // No renewal has noticed it yet, as when a frozen process wakes: a call that is begun now must not leave.
  expect(held.signal.aborted).toBe(true);
});

test('a failed renewal is logged with the number of its claims, those that it lost included', async () => {
  const logger = createLogger('test', 'silent');
  const warned = vi.spyOn(logger, 'warn');
  const broken = {
    pool: { query: () => Promise.reject(new Error('no database')) } as unknown as Database['pool'],
  };
  const failing = createLeaseKeeper({ database: broken, logger }, { leaseMs: 60 });
  const held = failing.hold({ jobId: '1', fence: 3 }, performance.now() - 60);
  await vi.waitFor(
    () => expect(warned).toHaveBeenCalledWith({ err: expect.anything(), count: 1 }, 'could not renew leases'),
    { timeout: 20_000 },
  );
  expect(held.signal.aborted).toBe(true);
  await failing.close();
});
