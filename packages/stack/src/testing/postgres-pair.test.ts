import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { type PostgresPair, startPostgresPair } from './postgres-pair.ts';

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-pair-'));
let pair: PostgresPair | undefined;

afterEach(async () => {
  await pair?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url, query_timeout: 10_000 });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a synchronous pair loses nothing in a failover, and the old primary rejoins as the standby', async () => {
  pair = await startPostgresPair({ folder });
  await query(pair.primary.url, 'CREATE TABLE kept (n int)');
  await query(pair.primary.url, 'INSERT INTO kept VALUES (1)');
  const before = pair.primary.port;

  await pair.killPrimary();
  await pair.promote();
  expect(pair.primary.port).not.toBe(before);
  expect(await query(pair.primary.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);

  await pair.rejoin();
  await query(pair.primary.url, 'INSERT INTO kept VALUES (2)');
  await pair.killPrimary();
  await pair.promote();
  expect(pair.primary.port).toBe(before);
  expect(await query(pair.primary.url, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }]);
  await pair.rejoin();

  await pair.standbyAway();
  const waiting = new Client({ connectionString: pair.primary.url });
  await waiting.connect();
  const inserted = waiting.query('INSERT INTO kept VALUES (3)');
  await vi.waitFor(
    async () =>
      expect(
        await query(
          pair?.primary.url ?? '',
          "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
        ),
      ).toEqual([{ one: 1 }]),
    { timeout: 30_000 },
  );
  await pair.standbyBack();
  await inserted;
  await waiting.end();
}, 120_000);
