import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, listenForJobs, openDatabase } from '@emr-payments/db';
import { type PostgresPair, startPostgresPair } from '@emr-payments/stack/testing';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 50 };

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-failover-'));
let pair: PostgresPair;
let database: Database;

beforeAll(async () => {
  pair = await startPostgresPair({ folder });
  await sql('CREATE TABLE kept (n int PRIMARY KEY)');
  database = openDatabase({
    url: pair.urlOf('postgres'),
    poolSize: 3,
    applicationName: 'failover',
    statementMs: 1_000,
  });
}, 120_000);
afterAll(async () => {
  await database?.close();
  await pair?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Asks the primary by itself. */
async function sql(text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: pair.primary.url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

const insert = (n: number) => database.pool.query('INSERT INTO kept VALUES ($1)', [n]);
const sessions = async (): Promise<number> => {
  const [row] = await sql(
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'failover'",
  );
  return row?.n as number;
};

test('while the standby is away, statements that were given up do not fill the server, and none is acknowledged', async () => {
  await insert(1);
  await pair.standbyAway();
  const acknowledged: number[] = [];
  for (let n = 10; n < 40; n += 3) {
    await Promise.all(
      [n, n + 1, n + 2].map((one) =>
        insert(one).then(
          () => acknowledged.push(one),
          () => undefined,
        ),
      ),
    );
    // A further one may be open for as long as it takes to see that there is no place for it.
    await vi.waitFor(async () => expect(await sessions()).toBe(3), PATIENCE);
    // Nobody sees what waits: neither a look-up nor a repeated request can acknowledge it.
    expect(await sql('SELECT n FROM kept')).toEqual([{ n: 1 }]);
  }
  expect(acknowledged).toEqual([]);
  await pair.standbyBack();
  await vi.waitFor(() => insert(2), PATIENCE);
}, 180_000);

test('a standby is migrated neither by migrate nor by its --resolve', async () => {
  const command = join(import.meta.dirname, '../packages/db/src/migrations/migrate-command.ts');
  for (const resolving of [[], ['--resolve', '20200101000000_init', '--rolled-back']]) {
    const { status, stderr } = spawnSync(process.execPath, [command, ...resolving], {
      env: { DATABASE_URL: pair.standby.url },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr:
        'Nothing was changed: the server is a standby. Give DATABASE_URL (or DATABASE_DIRECT_URL) the address of the primary, or target_session_attrs=primary.\n',
    });
  }
}, 60_000);

test('after a failover the pool and the listener go on by themselves, on the other host', async () => {
  let woken = 0;
  const listener = listenForJobs({
    url: pair.urlOf('postgres'),
    onJobs: () => {
      woken += 1;
    },
  });
  await vi.waitFor(() => expect(woken).toBe(1), PATIENCE);
  await pair.killPrimary();
  await expect(insert(50)).rejects.toThrow();
  await pair.promote();
  await vi.waitFor(() => insert(51), PATIENCE);
  await vi.waitFor(() => expect(woken).toBe(2), PATIENCE);
  const rows = await sql('SELECT n FROM kept WHERE n < 3 OR n > 49 ORDER BY n');
  expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 51 }]);
  await listener.close();

  // The former primary comes back as a standby, first in the URL: it is passed over.
  await pair.rejoin();
  await vi.waitFor(() => insert(52), PATIENCE);
  // A new pool knows no host that was good last, so it asks that one first.
  for (const [n, need] of [
    [53, 'read-write'],
    [54, 'primary'],
  ] as const) {
    const url = pair.urlOf('postgres').replace('=read-write', `=${need}`);
    const late = openDatabase({ url, poolSize: 1, applicationName: 'late' });
    await late.pool.query('INSERT INTO kept VALUES ($1)', [n]);
    await late.close();
  }
}, 180_000);
