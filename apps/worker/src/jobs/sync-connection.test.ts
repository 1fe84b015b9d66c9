import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import {
  type Database,
  endHold,
  findLatestSync,
  inTransaction,
  startHold,
  startSync,
} from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { type ListedServer, openListedServer } from '@emr-payments/emr/testing/listed-emr';
import { parseKeyring } from '@emr-payments/runtime';
import { COMPILED, hasRedisServer, startRedis } from '@emr-payments/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 50 };
const WORKER = join(import.meta.dirname, '../testing/syncing-worker.fixture.ts');
const KEYS = `test:${Buffer.alloc(32).toString('base64')}`;
const BY = { actor: 'cli:test', source: 'test' };

const releases: (() => unknown)[] = [];
afterEach(async () => {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
});

let emr: ListedServer;
const openDatabase = databaseOfFile();
let database: Database;
let practice: Practice;
let databaseUrl: string;
beforeEach(async () => {
  ({ appUrl: databaseUrl, database } = await openDatabase());
  emr = await openListedServer();
  releases.push(() => emr.close());
  const connection = { baseUrl: emr.baseUrl };
  practice = await createPractice(
    { database, keyring: parseKeyring(KEYS) },
    { connection, patients: [], endpoint: null },
  );
});

/** Starts a worker process. @returns its end by `SIGKILL`. */
function startWorkerProcess(redisUrl?: string): { kill(): Promise<void> } {
  const child: ChildProcess = spawn(process.execPath, [WORKER], {
    env: {
      DATABASE_URL: databaseUrl,
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
      ENCRYPTION_KEYS: KEYS,
      // Longer than a test: a machine that is too busy to renew a lease for a second must not lose it.
      LEASE_MS: '120000',
      HEALTH_PORT: '0',
      LOG_LEVEL: 'silent',
      NODE_COMPILE_CACHE: COMPILED,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  releases.push(kill);
  return { kill };
}

const begin = () =>
  inTransaction({ database }, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId: practice.userId, by: BY }),
  }));
const latest = () => findLatestSync({ database }, practice);
const state = async () => (await latest())?.state;
const patients = async () => {
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS all, count(DISTINCT emr_patient_id)::int AS ids, bool_and(mrn = 'MRN-' || substr(emr_patient_id, 2)) AS right
       FROM patients WHERE user_id = $1 AND state = 'active' AND source = 'sync'`,
    [practice.userId],
  );
  return rows[0];
};
const left = async () => {
  const { rowCount } = await database.pool.query('SELECT FROM sync_seen UNION ALL SELECT FROM jobs');
  return rowCount;
};

describe.each(['PostgreSQL', ...(hasRedisServer() ? ['Redis'] : [])])('with the queue in %s', (backend) => {
  test('a run whose worker is killed goes on at its page, and ends with all patients once', async () => {
    const redis = backend === 'Redis' ? await startRedis() : undefined;
    releases.push(async () => redis?.stop());
    emr.hasPatients(4_200);
    const reached = Promise.withResolvers<void>();
    const hang = Promise.withResolvers<void>();
    releases.push(() => hang.resolve());
    emr.before = async () => {
      if (!emr.requests.at(-1)?.includes('from=2000')) return null;
      reached.resolve();
      await hang.promise;
      return null;
    };
    const first = startWorkerProcess(redis?.url);
    await begin();
    await reached.promise;
    await first.kill();
    expect(await latest()).toMatchObject({ state: 'running', pages: 4, seen: 2_000, added: 0 });
    if (redis !== undefined) await redis.flush();
    // Time passes: the lease of the killed worker runs out.
    await database.pool.query(
      `UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL`,
    );
    emr.before = async () => null;
    hang.resolve();

    startWorkerProcess(redis?.url);
    await vi.waitFor(async () => expect(await state()).toBe('done'), PATIENCE);
    expect(await latest()).toMatchObject({
      pages: 9,
      seen: 4_200,
      added: 4_200,
      changed: 0,
      closed: 0,
      ambiguous: 0,
    });
    expect(await patients()).toEqual({ all: 4_200, ids: 4_200, right: true });
    const pages = emr.requests.filter((path) => path.startsWith('/patients'));
    // Only the page that the killed worker was reading is read again.
    expect(pages.map((path) => path.split('=')[1])).toEqual(
      [0, 500, 1_000, 1_500, 2_000, 2_000, 2_500, 3_000, 3_500, 4_000].map(String),
    );
    // The worker removes what the run has read after it has ended the run.
    await vi.waitFor(async () => expect(await left()).toBe(0), PATIENCE);
  }, 90_000);
});

test('a run waits while its EMR asks for it, and reads each page once', async () => {
  emr.hasPatients(1_200);
  let refusals = 0;
  emr.before = async (path) => {
    if (path !== '/patients' || refusals >= 2) return null;
    refusals += 1;
    return { status: 429, headers: { 'retry-after': '1' } };
  };
  startWorkerProcess();
  await begin();
  await vi.waitFor(async () => expect(await latest()).toMatchObject({ lastCode: 'rate_limited' }), PATIENCE);
  await vi.waitFor(async () => expect(await state()).toBe('done'), PATIENCE);
  expect(await latest()).toMatchObject({ seen: 1_200, pages: 3, lastCode: null });
}, 90_000);

test('a run whose rate lets it wait gives its place back meanwhile', async () => {
  emr.hasPatients(600);
  await database.pool.query(
    'UPDATE lanes SET rate_per_second = 0.2 WHERE id = (SELECT lane_id FROM connections)',
  );
  startWorkerProcess();
  await begin();
  await vi.waitFor(async () => {
    const { rows } = await database.pool.query(
      "SELECT lease_until FROM jobs WHERE kind = 'sync_connection' AND run_at > now() + interval '1 second'",
    );
    expect(rows).toEqual([{ lease_until: null }]);
  }, PATIENCE);
  // Time passes.
  await database.pool.query('UPDATE lanes SET rate_per_second = NULL, next_slot = NULL');
  await database.pool.query('UPDATE jobs SET run_at = now() WHERE run_at > now()');
  await vi.waitFor(async () => expect(await state()).toBe('done'), PATIENCE);
  expect(await latest()).toMatchObject({ seen: 600, pages: 2 });
}, 90_000);

test('a run of a user on hold stops between two pages, and goes on when the hold ends', async () => {
  emr.hasPatients(1_200);
  const scope = { userId: practice.userId, publicId: practice.publicId };
  emr.before = async () => {
    if (emr.requests.at(-1)?.includes('from=500'))
      await startHold({ database }, { scope, reason: null, by: BY });
    return null;
  };
  startWorkerProcess();
  await begin();
  await vi.waitFor(
    async () => expect(await latest()).toMatchObject({ pages: 2, nextTryAt: expect.any(Date) }),
    PATIENCE,
  );
  await endHold({ database }, { scope, by: BY });
  await vi.waitFor(async () => expect(await state()).toBe('done'), PATIENCE);
  expect(emr.requests.filter((path) => path.startsWith('/patients'))).toHaveLength(3);
}, 90_000);

test('a login that the EMR rejects stops the sync with one event, and its answer after the hour ends the outage', async () => {
  emr.hasPatients(1_200);
  let broken = true;
  emr.before = async () =>
    broken && emr.requests.at(-1)?.includes('from=500') === true ? { status: 401 } : null;
  const health = async () =>
    (await database.pool.query('SELECT state, stopped_until > now() AS stopped FROM connection_states'))
      .rows[0];
  const events = async () =>
    (await database.pool.query('SELECT type FROM events ORDER BY created_at, id')).rows.map(
      ({ type }) => type,
    );
  startWorkerProcess();
  await begin();
  await vi.waitFor(
    async () => expect(await health()).toEqual({ state: 'login_required', stopped: true }),
    PATIENCE,
  );
  await vi.waitFor(async () => expect(await latest()).toMatchObject({ lastCode: 'unauthorized' }), PATIENCE);
  expect(await events()).toEqual(['connection.broken']);
  const calls = emr.requests.length;
  // Due, it is still kept by the gate: the relay looks every half second.
  await database.pool.query('UPDATE jobs SET run_at = now()');
  await expect(
    vi.waitFor(() => expect(emr.requests.length).toBeGreaterThan(calls), { timeout: 2_000, interval: 100 }),
  ).rejects.toThrow();
  broken = false;
  await database.pool.query('UPDATE connection_states SET stopped_until = now(), probe_until = NULL');
  await database.pool.query('UPDATE jobs SET run_at = now()');
  await vi.waitFor(async () => expect(await state()).toBe('done'), PATIENCE);
  expect(await health()).toMatchObject({ state: 'connected' });
  expect(await events()).toEqual(['connection.broken', 'connection.restored']);
}, 90_000);
