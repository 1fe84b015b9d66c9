import { randomBytes } from 'node:crypto';
import { parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import { createPractice, type Practice } from '../testing/practice.ts';
import { startDueSyncs } from './start-due-syncs.ts';

const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
const PRACTICES = 4;
const ALL = { limit: 20, mostLive: 200 };

let database: Database;
let drop: () => Promise<void>;
let practices: Practice[];
beforeAll(async () => {
  const server = await openTestDatabase();
  drop = server.drop;
  database = openDatabase({ url: server.url, poolSize: 6, applicationName: 'test' });
  practices = await Promise.all(
    Array.from({ length: PRACTICES }, () => createPractice({ database, keyring }, { endpoint: null })),
  );
});
afterAll(async () => {
  await database.close();
  await drop();
});

const sql = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;
const set = (n: number, text: string) =>
  sql(`UPDATE connections SET ${text} WHERE user_id = $1`, [practices[n]?.userId]);

beforeEach(async () => {
  await sql('DELETE FROM jobs');
  await sql('DELETE FROM sync_runs');
  await sql("UPDATE connections SET next_sync_at = NULL, settings = '{}'");
  await sql('UPDATE users SET disabled_at = NULL');
});

test('two workers start each due sync once, and it is due again after its period', async () => {
  const started = await Promise.all([startDueSyncs({ database }, ALL), startDueSyncs({ database }, ALL)]);
  expect(started.reduce((sum, count) => sum + count)).toBe(PRACTICES);
  expect(
    await sql(
      'SELECT count(DISTINCT r.user_id)::int AS runs FROM sync_runs r JOIN jobs j ON j.sync_run_id = r.id',
    ),
  ).toEqual([{ runs: PRACTICES }]);
  expect(await startDueSyncs({ database }, ALL)).toBe(0);
  const hours = await sql(
    'SELECT extract(epoch FROM next_sync_at - now())::float8 / 3600 AS hours FROM connections',
  );
  for (const { hours: due } of hours) {
    expect(due).toBeGreaterThan(21.5);
    expect(due).toBeLessThan(26.5);
  }
});

test('a round starts a few, and no more than may be under way', async () => {
  expect(await startDueSyncs({ database }, { limit: 2, mostLive: 200 })).toBe(2);
  expect(await startDueSyncs({ database }, { limit: 20, mostLive: 3 })).toBe(1);
  expect(await startDueSyncs({ database }, { limit: 20, mostLive: 3 })).toBe(0);
});

test('runs that cannot go on now take nobody’s place', async () => {
  expect(await startDueSyncs({ database }, { limit: 3, mostLive: 3 })).toBe(3);
  const [one, two] = practices.map(({ userId }) => userId);
  await sql(
    "UPDATE jobs SET run_at = now() + interval '10 minutes' FROM sync_runs r WHERE r.job_id = jobs.id AND r.user_id <> ALL ($1)",
    [[one, two]],
  );
  await sql("INSERT INTO holds (scope, user_id, started_by) VALUES ('x', $1, 'test')", [one]);
  await sql(
    "INSERT INTO connection_states (user_id, state, stopped_until) VALUES ($1, 'login_required', now() + interval '1 hour')",
    [two],
  );
  expect(await startDueSyncs({ database }, { limit: 3, mostLive: 1 })).toBe(1);
  await sql("UPDATE holds SET ended_at = now(), ended_by = 'test'");
  await sql('DELETE FROM connection_states');
});

test('none is started for a disabled user, nor where the integrator alone decides; a changed connection is due', async () => {
  await set(0, `settings = '{"sync_hours": 0}'`);
  await sql('UPDATE users SET disabled_at = now() WHERE id = $1', [practices[1]?.userId]);
  await set(2, `next_sync_at = now() + interval '1 hour'`);
  expect(await startDueSyncs({ database }, ALL)).toBe(1);
  const runs = await sql('SELECT user_id FROM sync_runs');
  expect(runs).toEqual([{ user_id: practices[3]?.userId }]);
  await saveConnection(
    { database, keyring },
    {
      ...{
        userId: practices[2]?.userId ?? 0,
        adapter: 'fhir-r5',
        baseUrl: 'http://127.0.0.1:2',
        credentials: {},
      },
      ...{ timeZone: 'UTC', concurrency: 1 },
    },
  );
  expect(await startDueSyncs({ database }, ALL)).toBe(1);
});

test('of a connection one sync is fed at a time, beside its payments; none by the row of its lane, as older workers read it', async () => {
  await startDueSyncs({ database }, ALL);
  expect((await feedJobs({ database }, 100)).map(({ kind }) => kind)).toEqual(
    Array(PRACTICES).fill('sync_connection'),
  );
  expect(await sql("SELECT DISTINCT concurrency FROM lanes WHERE kind = 'sync'")).toEqual([
    { concurrency: 0 },
  ]);
  await sql(
    "INSERT INTO jobs (kind, lane_id, sync_run_id) SELECT kind, lane_id, sync_run_id FROM jobs WHERE kind = 'sync_connection'",
  );
  expect(await feedJobs({ database }, 100)).toEqual([]);
});
