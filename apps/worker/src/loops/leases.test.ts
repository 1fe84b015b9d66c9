import type { Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { createLogger } from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { createLeaseKeeper, type LeaseKeeper } from './leases.ts';

const openDatabase = databaseOfFile();
let database: Database;
let keeper: LeaseKeeper;
const LEASE_MS = 1_500;
/** For so long after its claim a lease is certainly held. */
const SAFE_MS = 1_000;
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

/** A keeper that renews every third second: a machine that stalls for five does not lose its leases. */
function patientKeeper(): LeaseKeeper {
  const patient = createLeaseKeeper({ database, logger: createLogger('test', 'silent') }, { leaseMs: 9_000 });
  onTestFinished(() => patient.close());
  return patient;
}

test('a lease is renewed until it is released, and not after', async () => {
  const patient = patientKeeper();
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

test('a claim that this process has lost and taken again is aborted at the next renewal, and the new one is held', async () => {
  const patient = patientKeeper();
  const lost = patient.hold({ jobId: '1', fence: 3 }, performance.now());
  await database.pool.query('UPDATE jobs SET fence = 4');
  const taken = patient.hold({ jobId: '1', fence: 4 }, performance.now());
  await vi.waitUntil(() => lost.signal.aborted, PATIENCE);
  expect(lost.isSafe()).toBe(false);
  expect(taken.signal.aborted).toBe(false);
});

test('a lease that was not renewed is unsafe as soon as it may have run out', async () => {
  const held = keeper.hold({ jobId: '1', fence: 3 }, performance.now() - LEASE_MS);
  expect(held.isSafe()).toBe(false);
  // No renewal has noticed it yet, as when a frozen process wakes: a call that is begun now must not leave.
  expect(held.signal.aborted).toBe(true);
});

/** A keeper on a clock that only `vi.advanceTimersByTimeAsync` moves; `renew` stands for PostgreSQL's answers to its renewals. */
function keeperByTheClock(renew: () => Promise<{ rows: { id: string; fence: number }[] }>) {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'],
  });
  onTestFinished(() => void vi.useRealTimers());
  const logger = createLogger('test', 'silent');
  const warned = vi.spyOn(logger, 'warn');
  const pool = { query: renew } as unknown as Database['pool'];
  const ticking = createLeaseKeeper({ database: { pool }, logger }, { leaseMs: LEASE_MS });
  // Its signal is taken once: it is checked by the clock whenever it is read.
  const hold = (jobId: string) => {
    const held = ticking.hold({ jobId, fence: 3 }, performance.now());
    return { held, call: held.signal };
  };
  return { hold, warned };
}

test('a call under way is aborted when the lease may have run out, though no renewal is answered', async () => {
  const { hold } = keeperByTheClock(() => new Promise(() => undefined));
  const first = hold('1');
  await vi.advanceTimersByTimeAsync(300);
  const second = hold('2');
  await vi.advanceTimersByTimeAsync(SAFE_MS - 301);
  expect([first.call.aborted, first.held.isSafe()]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(1);
  expect([first.call.aborted, first.held.isSafe()]).toEqual([true, false]);
  // Each by its own lease.
  await vi.advanceTimersByTimeAsync(299);
  expect([second.call.aborted, second.held.isSafe()]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(1);
  expect([second.call.aborted, second.held.isSafe()]).toEqual([true, false]);
  // And again after a time with nothing to watch.
  await vi.advanceTimersByTimeAsync(60_000);
  const third = hold('3');
  await vi.advanceTimersByTimeAsync(SAFE_MS - 1);
  expect(third.call.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(third.call.aborted).toBe(true);
});

test('a call under way goes on as long as its lease is renewed, and to the end of the last renewal', async () => {
  let answers = true;
  const { hold, warned } = keeperByTheClock(async () => {
    if (!answers) return new Promise(() => undefined);
    return { rows: [{ id: '1', fence: 3 }] };
  });
  const { held, call } = hold('1');
  // Renewed every 500 ms, the last time at 10 s.
  await vi.advanceTimersByTimeAsync(10_000);
  answers = false;
  await vi.advanceTimersByTimeAsync(SAFE_MS - 1);
  expect([call.aborted, held.isSafe()]).toEqual([false, true]);
  expect(warned).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect([call.aborted, held.isSafe()]).toEqual([true, false]);
  expect(warned).toHaveBeenCalledExactlyOnceWith({ job_id: '1', fence: 3 }, 'lost a claim');
});

test('a renewal that is answered after the lease may have run out brings no claim back', async () => {
  const answer = Promise.withResolvers<{ rows: { id: string; fence: number }[] }>();
  const { hold } = keeperByTheClock(() => answer.promise);
  const { held, call } = hold('1');
  await vi.advanceTimersByTimeAsync(SAFE_MS);
  answer.resolve({ rows: [{ id: '1', fence: 3 }] });
  await vi.advanceTimersByTimeAsync(1);
  expect([call.aborted, held.isSafe()]).toEqual([true, false]);
});

test('a claim that was released is not lost', async () => {
  const { hold, warned } = keeperByTheClock(() => new Promise(() => undefined));
  const { held, call } = hold('1');
  held.release();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(call.aborted).toBe(false);
  expect(warned).not.toHaveBeenCalled();
});

test('a failed renewal is logged with the number of its claims, those that were lost meanwhile included', async () => {
  const answer = Promise.withResolvers<never>();
  const { hold, warned } = keeperByTheClock(() => answer.promise);
  const { call } = hold('1');
  await vi.advanceTimersByTimeAsync(SAFE_MS);
  expect(call.aborted).toBe(true);
  answer.reject(new Error('no database'));
  await vi.advanceTimersByTimeAsync(1);
  expect(warned).toHaveBeenCalledWith({ err: expect.anything(), count: 1 }, 'could not renew leases');
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
