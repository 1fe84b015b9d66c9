import { hasPgbouncer, openTestDatabase, startPgbouncer } from '@emr-payments/testkit';
import { Client } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../core/database.ts';
import { openDatabaseCheck } from './database-check.ts';

const HEALTH = 'database-check test';
const WORKING = 'database-check working';

/** A database that others fill to its limit, and connections to it that work. */
async function openFullDatabase() {
  const { url, appUrl, drop } = await openTestDatabase();
  onTestFinished(drop);
  const owner = new Client({ connectionString: url });
  await owner.connect();
  onTestFinished(() => owner.end());
  const working = openDatabase({ url: appUrl, poolSize: 1, applicationName: WORKING });
  onTestFinished(() => working.close());
  const check = openDatabaseCheck({ url: appUrl, applicationName: HEALTH, purpose: 'accept', working });
  onTestFinished(() => check.close());
  const name = new URL(url).pathname.slice(1);
  const endSessions = (of: string) =>
    owner.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = $1`,
      [of],
    );
  /** Leaves no place for a new connection of the service's role. */
  const takeNoMore = () => owner.query(`ALTER DATABASE "${name}" CONNECTION LIMIT 1`);
  return {
    working,
    check,
    takeNoMore,
    endSessions,
    async fill() {
      await takeNoMore();
      // The check opens a new connection from time to time, and after each loss of one.
      await endSessions(HEALTH);
    },
  };
}

test('a server that takes no further connection is no trouble while the connections that work are open', async () => {
  const { working, check, fill } = await openFullDatabase();
  await working.ping();
  expect(await check.trouble()).toBe(null);
  await fill();
  await working.ping();
  expect(await check.trouble()).toBe(null);
});

test('what the connections that work find is the answer: a read-only server is trouble', async () => {
  const { working, check, fill } = await openFullDatabase();
  await working.ping();
  await fill();
  await working.pool.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
  expect(await check.trouble()).toBe('postgres_read_only');
});

test('a server that takes no connection at all is full', async () => {
  const { check, fill } = await openFullDatabase();
  await fill();
  expect(await check.trouble()).toBe('postgres_full');
});

test('its own connection does not stand for one that works', async () => {
  const { working, check, takeNoMore, endSessions } = await openFullDatabase();
  expect(await check.trouble()).toBe(null);
  expect(working.pool.totalCount).toBe(1);
  await takeNoMore();
  await endSessions(WORKING);
  await vi.waitFor(() => expect(working.pool.totalCount).toBe(0));
  expect(await check.trouble()).toBe('postgres_full');
});

const NO_PGBOUNCER = `
  ############################################################################
  #  NO PGBOUNCER: the check behind a full one was SKIPPED.                  #
  ############################################################################
`;
if (!hasPgbouncer()) process.stderr.write(NO_PGBOUNCER);

describe.runIf(hasPgbouncer())('behind a PgBouncer', () => {
  /** `working` has the one session or the one client that it allows. */
  async function behindFull(settings: Record<string, string>) {
    const { appUrl, drop } = await openTestDatabase();
    onTestFinished(drop);
    const bouncer = await startPgbouncer({ urls: [appUrl], mode: 'session', settings });
    const url = bouncer.urlOf(appUrl);
    const working = openDatabase({ url, poolSize: 1, applicationName: WORKING });
    const check = openDatabaseCheck({ url, applicationName: HEALTH, purpose: 'accept', working });
    onTestFinished(async () => {
      // First: a connection that still waits for a session would keep the pool from ending.
      await bouncer.stop();
      await Promise.all([check.close(), working.close()]);
    });
    // PgBouncer forgets a client a moment after it has gone, such as the one that asked whether it listens.
    await vi.waitFor(() => working.ping(), { timeout: 30_000 });
    return { url, working, check };
  }

  test.each([{ default_pool_size: '1' }, { max_client_conn: '1' }])(
    'that gives it no connection (%o), one that works is asked',
    async (settings) => {
      const { check } = await behindFull(settings);
      // Each of several: the second can get the end of a first one that was late.
      const inARow = async () => [await check.trouble(), await check.trouble(), await check.trouble()];
      await expect.poll(inARow, { timeout: 30_000 }).toEqual([null, null, null]);
    },
    60_000,
  );

  test('that takes no client at all, it is full', async () => {
    const { url } = await behindFull({ max_client_conn: '1' });
    const without = openDatabase({ url, poolSize: 1, applicationName: WORKING });
    onTestFinished(() => without.close());
    const check = openDatabaseCheck({
      url,
      applicationName: HEALTH,
      purpose: 'accept',
      working: without,
    });
    onTestFinished(() => check.close());
    expect(await check.trouble()).toBe('postgres_full');
  });
});

test.each([
  ['accept', 'SELECT', 'patients', 'postgres_refused'],
  ['accept', 'INSERT', 'events', null],
  ['work', 'INSERT', 'events', 'postgres_refused'],
  ['work', 'UPDATE', 'posting_attempts', 'postgres_refused'],
  ['work', 'INSERT', 'payments', null],
] as const)('to %s without %s on %s', async (purpose, right, table, expected) => {
  const { url, appUrl, drop } = await openTestDatabase();
  onTestFinished(drop);
  const working = openDatabase({ url: appUrl, poolSize: 1, applicationName: WORKING });
  onTestFinished(() => working.close());
  const check = openDatabaseCheck({ url: appUrl, applicationName: HEALTH, purpose, working });
  onTestFinished(() => check.close());
  expect(await check.trouble()).toBe(null);
  const owner = new Client({ connectionString: url });
  await owner.connect();
  await owner.query(`REVOKE ${right} ON ${table} FROM "${new URL(appUrl).username}"`);
  await owner.end();
  expect(await check.trouble()).toBe(expected);
});

test.each([
  [61, 'clock_wrong'],
  [-61, 'clock_wrong'],
  [59, null],
  [-59, null],
] as const)('a clock that is wrong by %i minutes', async (minutes, expected) => {
  const { check } = await openFullDatabase();
  expect(check.clockAheadMs()).toBe(undefined);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  expect(await check.trouble()).toBe(expected);
  expect((check.clockAheadMs() ?? 0) / 60_000).toBeCloseTo(minutes, 0);
});
