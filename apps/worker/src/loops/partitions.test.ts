import { type Database, openDatabase, partitionCover } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { aheadDays, startPartitions } from './partitions.ts';

let server: TestDatabase;
let database: Database;
let owner: Database;
beforeEach(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
  owner = openDatabase({ url: server.url, poolSize: 1, applicationName: 'test owner' });
});
afterEach(async () => {
  await owner.close();
  await database.close();
  await server.drop();
});

const PATIENCE = { timeout: 30_000, interval: 50 };
const start = (options: { widthDays: number; intervalMs?: number }) => {
  const logger = createLogger('test', 'silent');
  const metrics = createWorkerMetrics({ database });
  const logged = { info: vi.spyOn(logger, 'info'), error: vi.spyOn(logger, 'error') };
  return { loop: startPartitions({ database, logger, metrics }, options), metrics, logged };
};
const daysAhead = async () => Math.min(...(await partitionCover({ database })).map((each) => each.daysAhead));

/** Leaves nothing but what there is for the next two days. */
const dropAhead = () =>
  owner.pool.query(`DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT name FROM partition_ranges() WHERE since > now() LOOP EXECUTE format('DROP TABLE %I', each.name); END LOOP; END $$`);

test.each([
  [1, 14],
  [7, 14],
  [28, 56],
  [100, 200],
])('with partitions of %d days, %d days are covered', (width, ahead) => {
  expect(aheadDays(width)).toBe(ahead);
});

test('partitions of all five tables are made at the start, and again when time has passed', async () => {
  await dropAhead();
  expect(await daysAhead()).toBeLessThan(3);
  const { loop, logged } = start({ widthDays: 7, intervalMs: 50 });
  await vi.waitFor(async () => expect(await daysAhead()).toBeGreaterThan(14), PATIENCE);
  await vi.waitFor(() => expect(logged.info).toHaveBeenCalledTimes(10), PATIENCE);
  expect(logged.info).toHaveBeenCalledWith(
    { code: expect.stringMatching(/^payments_\d{8}$/) },
    'made a partition',
  );
  await dropAhead();
  await vi.waitFor(async () => expect(await daysAhead()).toBeGreaterThan(14), PATIENCE);
  await loop.close();
});

test('two workers that start together make each partition once', async () => {
  await dropAhead();
  const loops = [start({ widthDays: 7, intervalMs: 50 }), start({ widthDays: 7, intervalMs: 50 })];
  await vi.waitFor(async () => expect(await daysAhead()).toBeGreaterThan(14), PATIENCE);
  for (const { loop } of loops) await loop.close();
  const made = loops.flatMap(({ logged }) =>
    logged.info.mock.calls.map(([fields]) => JSON.stringify(fields)),
  );
  expect(made.length).toBe(10);
  expect(new Set(made).size).toBe(10);
  for (const { logged } of loops) expect(logged.error).not.toHaveBeenCalled();
});

test('a failure is counted each time and logged once, and the loop goes on', async () => {
  await dropAhead();
  await owner.pool.query('ALTER FUNCTION make_partition(text, int, int) RENAME TO gone');
  const { loop, metrics, logged } = start({ widthDays: 7, intervalMs: 50 });
  const failures = async () => {
    const [line] =
      (await metrics.registry.metrics()).match(/^emr_payments_partition_failures_total\{what="make"\} .*/m) ??
      [];
    return Number(line?.split(' ')[1]);
  };
  await vi.waitFor(async () => expect(await failures()).toBeGreaterThan(2), PATIENCE);
  const err = expect.objectContaining({
    message: 'not made: those of payments, posting_attempts, events, deliveries, delivery_attempts',
    cause: expect.any(Error),
  });
  expect(logged.error.mock.calls).toEqual([[{ err }, 'could not make partitions']]);
  await owner.pool.query('ALTER FUNCTION gone(text, int, int) RENAME TO make_partition');
  await vi.waitFor(async () => expect(await daysAhead()).toBeGreaterThan(14), PATIENCE);
  await loop.close();
});

test('the gauges show the days ahead, and the rows that are in no partition of their time', async () => {
  const metrics = createWorkerMetrics({ database });
  const shown = async (name: string) =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  const [days] = await shown('emr_payments_partition_days_ahead');
  expect(Number(days?.split(' ')[1])).toBeGreaterThan(55);
  await dropAhead();
  // No partition is missing for an id of a time to come; one is for an id of today.
  await owner.pool.query(`
    ALTER TABLE posting_attempts DETACH PARTITION posting_attempts_old;
    INSERT INTO posting_attempts (payment_id, number) VALUES (first_payment_id(now()), 1), (first_payment_id(now() + interval '1000 days'), 1)`);
  expect(await shown('emr_payments_default_partition_rows')).toEqual([
    'emr_payments_default_partition_rows{table="payments"} 0',
    'emr_payments_default_partition_rows{table="posting_attempts"} 1',
    'emr_payments_default_partition_rows{table="events"} 0',
    'emr_payments_default_partition_rows{table="deliveries"} 0',
    'emr_payments_default_partition_rows{table="delivery_attempts"} 0',
  ]);
  const [few] = await shown('emr_payments_partition_days_ahead');
  expect(Number(few?.split(' ')[1])).toBeLessThan(3);
});
