import type { Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { createLogger } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createLeaseKeeper, type LeaseKeeper } from './leases.ts';

const openDatabase = databaseOfFile();
let database: Database;
let keeper: LeaseKeeper;
const LEASE_MS = 1_500;
const PATIENCE = { timeout: 30_000, interval: 20 };

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

/** The end of a job's lease, in seconds since 1970. */
const leaseOf = async (jobId: number) => {
  const { rows } = await database.pool.query(
    'SELECT extract(epoch FROM lease_until)::float8 AS until FROM jobs WHERE id = $1',
    [jobId],
  );
  return rows[0].until as number;
};

test('a lease is renewed until it is released, and not after', async () => {
  // Renewed every third second: a machine that stalls for five does not lose it.
  const patient = createLeaseKeeper({ database, logger: createLogger('test', 'silent') }, { leaseMs: 9_000 });
  onTestFinished(() => patient.close());
  await database.pool.query(
    `INSERT INTO jobs (id, kind, lane_id, queued_at, fence, lease_until) VALUES (2, 'post_payment', 1, now(), 3, now())`,
  );
  const [held, other] = ['1', '2'].map((jobId) => patient.hold({ jobId, fence: 3 }, performance.now()));
  const atFirst = await leaseOf(1);
  await vi.waitFor(async () => expect(await leaseOf(1)).toBeGreaterThan(atFirst), PATIENCE);
  expect(held?.isSafe()).toBe(true);
  expect(held?.signal.aborted).toBe(false);

  held?.release();
  expect(held?.isSafe()).toBe(false);
  // A renewal that is under way may still include it.
  const during = await leaseOf(2);
  await vi.waitFor(async () => expect(await leaseOf(2)).toBeGreaterThan(during), PATIENCE);
  const [released, next] = [await leaseOf(1), await leaseOf(2)];
  await vi.waitFor(async () => expect(await leaseOf(2)).toBeGreaterThan(next), PATIENCE);
  expect(await leaseOf(1)).toBe(released);
  expect(other?.isSafe()).toBe(true);
});

test('a claim that has passed to another worker is aborted at the next renewal', async () => {
  const held = keeper.hold({ jobId: '1', fence: 3 }, performance.now());
  await database.pool.query('UPDATE jobs SET fence = 4');
  await vi.waitUntil(() => held.signal.aborted, PATIENCE);
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

test('a machine that was suspended, whose monotonic clock stood still meanwhile, does not take a lease for a safe one', () => {
  const patient = createLeaseKeeper(
    { database, logger: createLogger('test', 'silent') },
    { leaseMs: 60_000 },
  );
  onTestFinished(() => patient.close());
  const held = patient.hold({ jobId: '1', fence: 3 }, performance.now());
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  onTestFinished(() => void vi.useRealTimers());
  expect(held.isSafe()).toBe(true);
  vi.setSystemTime(Date.now() + 60_000);
  expect(held.isSafe()).toBe(false);
  // A clock that was set back makes no lease longer, nor shorter.
  vi.setSystemTime(Date.now() - 3_600_000);
  expect(held.isSafe()).toBe(true);
});
