import { openTestDatabase } from '@emr-payments/testkit';
import { Client, type Pool } from 'pg';
import { beforeEach, expect, test, vi } from 'vitest';
import { openPool } from './postgres-pool.ts';

let pool: Pool;
let operator: Client;
let role: string;

beforeEach(async () => {
  const { url, appUrl, drop } = await openTestDatabase();
  // Nobody waits for a connection in vain, however slow the machine is.
  pool = openPool({ url: appUrl, max: 4, connectionTimeoutMillis: 30_000 });
  role = new URL(appUrl).username;
  operator = new Client({ connectionString: url });
  await operator.connect();
  return async () => {
    await pool.end();
    await operator.end();
    await drop();
  };
});

/** How many connections the server takes of the service's role. The operator's counts, too, and is not refused. */
const limit = (to: number) =>
  operator.query(`ALTER DATABASE "${operator.database}" CONNECTION LIMIT ${to + 1}`);
const noLimit = () => operator.query(`ALTER DATABASE "${operator.database}" CONNECTION LIMIT -1`);

const SLEEP = 'SELECT pg_backend_pid() AS pid, pg_sleep(0.02)';
const sleeps = (count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await pool.query(SLEEP)).rows[0].pid));

test('when the server takes no further connection, statements wait for those that there are', async () => {
  await limit(2);
  const first = await pool.connect();
  const second = await pool.connect();
  first.release();
  second.release();
  expect(new Set(await sleeps(30)).size).toBe(2);
  const clients = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const client = await pool.connect();
      await client.query(SLEEP);
      client.release();
      return client;
    }),
  );
  expect(new Set(clients)).toEqual(new Set([first, second]));
});

test('a second later it opens more again', async () => {
  await limit(1);
  await pool.query('SELECT 1');
  expect(new Set(await sleeps(5)).size).toBe(1);
  await noLimit();
  await vi.waitFor(async () => expect(new Set(await sleeps(8)).size).toBe(4));
  expect(pool.options.max).toBe(4);
});

test('a pool without a connection fails as the server says, all that wait', async () => {
  await limit(0);
  const found = await Promise.allSettled(Array.from({ length: 10 }, () => pool.query('SELECT 1')));
  expect(found.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(Array(10).fill('53300'));
  expect(pool.totalCount).toBe(0);
  await noLimit();
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('when the last connection is lost, those that wait for it fail as the server says', async () => {
  await limit(1);
  const last = await pool.connect();
  const waiting = Promise.allSettled([pool.query('SELECT 1'), pool.query('SELECT 1')]);
  await vi.waitFor(() => expect(pool.waitingCount).toBe(2));
  await limit(0);
  last.release(true);
  const found = await waiting;
  expect(found.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(['53300', '53300']);
});

test('another error is not waited for', async () => {
  const busy = await pool.connect();
  await operator.query(`REVOKE CONNECT ON DATABASE "${operator.database}" FROM PUBLIC, "${role}"`);
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '42501' });
  busy.release();
});
