import { openTestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Database, openDatabase } from './database.ts';
import { keepConnected } from './keep-connected.ts';

let database: Database;
let operator: Client;

beforeEach(async () => {
  const { url, appUrl, drop } = await openTestDatabase();
  database = openDatabase({ url: appUrl, poolSize: 3, applicationName: 'kept' });
  operator = new Client({ connectionString: url });
  await operator.connect();
  return async () => {
    await database.close();
    await operator.end();
    await drop();
  };
});

const sessions = async (): Promise<number[]> => {
  const asked = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'kept' ORDER BY 1`;
  return (await operator.query<{ pid: number }>(asked)).rows.map(({ pid }) => pid);
};

function keep(intervalMs: number) {
  const kept = keepConnected({ database }, { intervalMs });
  onTestFinished(() => kept.close());
  return kept;
}

test('a connection is opened at once, and one of several stays open', async () => {
  // Idle connections are closed after a minute: here sooner.
  database.pool.options.idleTimeoutMillis = 1_000;
  const kept = keep(200);
  await vi.waitFor(async () => expect(await sessions()).toHaveLength(1));
  const three = await Promise.all([1, 2, 3].map(() => database.pool.connect()));
  expect(await sessions()).toHaveLength(3);
  for (const client of three) client.release();
  await vi.waitFor(async () => expect(await sessions()).toHaveLength(1));
  const [pid] = await sessions();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(await sessions()).toEqual([pid]);
  await kept.close();
  await vi.waitFor(async () => expect(await sessions()).toEqual([]));
});

test('one that is lost is replaced before anybody needs it', async () => {
  keep(100);
  await vi.waitFor(async () => expect(await sessions()).toHaveLength(1));
  const [pid] = await sessions();
  await operator.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
  await vi.waitFor(async () => expect((await sessions()).filter((one) => one !== pid)).toHaveLength(1));
});

test('while the server takes none it is tried again', async () => {
  const name = operator.database;
  await operator.query(`ALTER DATABASE "${name}" CONNECTION LIMIT 0`);
  const ping = vi.spyOn(database, 'ping');
  keep(50);
  await vi.waitFor(() => expect(ping.mock.calls.length).toBeGreaterThan(2));
  expect(await sessions()).toEqual([]);
  await operator.query(`ALTER DATABASE "${name}" CONNECTION LIMIT -1`);
  await vi.waitFor(async () => expect(await sessions()).toHaveLength(1));
});
