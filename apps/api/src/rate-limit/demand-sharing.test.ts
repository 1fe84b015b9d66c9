import { type Database, DatabaseUnavailableError, openDatabase } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemandSharing } from './demand-sharing.ts';
import { createRateLimiter } from './rate-limiter.ts';

let server: TestDatabase;
let database: Database;
const logger = createLogger('test', 'silent');

beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
});
afterAll(async () => {
  await database.close();
  await server.drop();
});

/** One API process with a clock of its own. */
function openProcess(over: Pick<Database, 'pool'> = database) {
  const clock = { now: 0 };
  const limiter = createRateLimiter({ clientPerSecond: 0, userPerSecond: 100 }, () => clock.now);
  const sharing = startDemandSharing({ database: over, limiter, logger });
  return {
    sharing,
    clock,
    /** Makes this many requests in the next second. @returns how many passed. */
    second(requests: number): number {
      let passed = 0;
      for (let n = 0; n < requests; n += 1) {
        clock.now += 1000 / requests;
        if (limiter.take({ clientPk: 1, userId: 7 }).outcome === 'passed') passed += 1;
      }
      return passed;
    },
  };
}

test('three processes let one limit through together, wherever the load is', async () => {
  const processes = [openProcess(), openProcess(), openProcess()];
  const second = async (loads: number[]) => {
    const passed = processes.map((each, index) => each.second(loads[index] ?? 0));
    await Promise.all(processes.map(({ sharing }) => sharing.round()));
    return passed.reduce((sum, one) => sum + one, 0);
  };
  const settled = async (loads: number[]) => {
    for (let n = 0; n < 4; n += 1) await second(loads);
    return second(loads);
  };
  const even = await settled([200, 200, 200]);
  expect(even).toBeGreaterThan(90);
  expect(even).toBeLessThan(110);
  const uneven = await settled([600, 50, 50]);
  expect(uneven).toBeGreaterThan(90);
  expect(uneven).toBeLessThan(110);
  // Below the limit nothing is refused, also when it all comes to one process.
  expect(await settled([30, 30, 30])).toBe(90);
  await Promise.all(processes.map(({ sharing }) => sharing.close()));
});

test('a process that has gone leaves its share to the others', async () => {
  const [one, two] = [openProcess(), openProcess()];
  one.second(300);
  two.second(300);
  await one.sharing.round();
  await two.sharing.round();
  await two.sharing.close();
  await database.pool.query(`UPDATE rate_demands SET at = at - interval '5 s'`);
  one.second(300);
  await one.sharing.round();
  expect(one.second(300)).toBeGreaterThan(95);
  await one.sharing.close();
});

test('without PostgreSQL the share stays', async () => {
  const nowhere = openDatabase({
    url: 'postgres://nobody@127.0.0.1:1/nothing',
    poolSize: 1,
    applicationName: 'test',
  });
  const alone = openProcess(nowhere);
  alone.second(300);
  await expect(alone.sharing.round()).rejects.toThrow(DatabaseUnavailableError);
  const passed = alone.second(300);
  expect(passed).toBeGreaterThan(95);
  expect(passed).toBeLessThan(105);
  await alone.sharing.close();
  await nowhere.close();
});
