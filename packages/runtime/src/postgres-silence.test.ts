import { openTestDatabase } from '@emr-payments/testkit';
import { openRelay } from '@emr-payments/testkit/relay';
import type { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openPool } from './postgres-pool.ts';
import { type SilenceWatch, watchForSilence } from './postgres-silence.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };
const LATE = 'Query read timeout';

async function openDatabase(): Promise<string> {
  const { appUrl, drop } = await openTestDatabase();
  onTestFinished(drop);
  return appUrl;
}

function opened(url: string, watch?: SilenceWatch): Pool {
  const pool = openPool({ url, watch, max: 4, connectionTimeoutMillis: 10_000, idleTimeoutMillis: 0 });
  onTestFinished(() => pool.end());
  return pool;
}

const late = (text: string) => ({ text, query_timeout: 200 });

/** Opens all connections of the pool, and leaves them idle. */
async function fill(pool: Pool): Promise<void> {
  const clients = await Promise.all([1, 2, 3, 4].map(() => pool.connect()));
  for (const client of clients) client.release();
  expect(pool.idleCount).toBe(4);
}

test('after one statement without an answer no pool of that server keeps an idle connection', async () => {
  const relay = await openRelay(await openDatabase());
  onTestFinished(() => relay.cut());
  const watch = watchForSilence();
  const [one, other] = [opened(relay.url, watch), opened(relay.url, watch)];
  await fill(one);
  await fill(other);
  relay.pause();
  await expect(one.query(late('SELECT'))).rejects.toThrow(LATE);
  await vi.waitFor(() => expect([one.totalCount, other.totalCount]).toEqual([0, 0]), PATIENCE);
  relay.resume();
  await Promise.all([one.query('SELECT'), other.query('SELECT')]);
});

test('a server that is only slow with one statement keeps the connections that it has answered on meanwhile, that work, and that somebody has', async () => {
  const pool = opened(await openDatabase());
  await fill(pool);
  const removed: unknown[] = [];
  pool.on('remove', (client) => removed.push(client));
  const held = await pool.connect();
  const working = pool.query('SELECT pg_sleep(1)');
  const slow = pool.query(late('SELECT pg_sleep(1)'));
  await pool.query('SELECT');
  await expect(slow).rejects.toThrow(LATE);
  await working;
  await held.query('SELECT');
  held.release();
  // That of the statement that was late.
  await vi.waitFor(() => expect(removed).toHaveLength(1), PATIENCE);
  expect(pool.idleCount).toBe(3);
});

test('a server that is only slow with one statement keeps the idle connections: each answers when it is asked', async () => {
  const pool = opened(await openDatabase());
  await fill(pool);
  await expect(pool.query(late('SELECT pg_sleep(1)'))).rejects.toThrow(LATE);
  await vi.waitFor(async () => {
    const { rows } = await pool.query<{ asked: number }>(
      `SELECT count(*)::int AS asked FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query = ''`,
    );
    expect(rows).toEqual([{ asked: 2 }]);
  }, PATIENCE);
  expect(pool.totalCount).toBe(3);
});

test('a statement that the server refuses says that it is there', async () => {
  const pool = opened(await openDatabase());
  await fill(pool);
  await expect(pool.query('SELECT 1/0')).rejects.toThrow('division by zero');
  expect(pool.totalCount).toBe(3);
});
