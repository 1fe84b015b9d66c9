import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '@emr-payments/db';
import {
  type AppProcess,
  type EmbeddedPostgres,
  freePort,
  PUBLISHED_BODY,
  removePlace,
  type Stack,
  startApp,
  startEmbeddedPostgres,
  startStack,
} from '@emr-payments/stack';
import { openEmptyDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const PATIENCE = { timeout: 60_000, interval: 100 };
const SLOW = 240_000;

type Ready = { http: number; status: string; reasons: string[]; schema: string };

async function readiness({ url }: { url: string }): Promise<Ready> {
  const answer = await fetch(`${url}/health/ready`);
  return { http: answer.status, ...((await answer.json()) as Omit<Ready, 'http'>) };
}

const becomes = (process: AppProcess | undefined, expected: Partial<Ready>) =>
  vi.waitFor(async () => expect(await readiness(process ?? { url: '' })).toMatchObject(expected), PATIENCE);

async function onServer(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a running service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-readiness-'));
  const dataDir = join(folder, 'postgres');
  let postgres: EmbeddedPostgres;
  let stack: Stack;
  let api: AppProcess | undefined;
  let worker: AppProcess | undefined;

  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false });
    await onServer(postgres.url, 'CREATE DATABASE service');
    // A minute would be too long for any test: a test that waits for the end of the drain fails.
    const env = { DRAIN_MS: '120000', LOG_LEVEL: 'warn' };
    stack = await startStack({
      folder,
      databaseUrl: postgres.urlOf('service'),
      settings: { api: env, worker: env },
    });
    [api] = stack.apis;
    [worker] = stack.workers;
  }, SLOW);
  afterAll(async () => {
    for (const process of stack?.processes() ?? []) await process.kill();
    await postgres?.stop('immediate');
    removePlace(dataDir);
    rmSync(folder, { recursive: true, force: true });
  }, SLOW);

  async function pay(): Promise<{ status: number; connection: string | null; code?: string }> {
    const { client_id, client_secret, access_token } = stack.demo;
    const answer = await fetch(`${stack.apiUrl}/v1/payments`, {
      method: 'POST',
      headers: { client_id, client_secret, access_token, 'content-type': 'application/json' },
      body: JSON.stringify({ ...PUBLISHED_BODY, reference_number: randomBytes(8).toString('hex') }),
    });
    const { code } = (await answer.json()) as { code?: string };
    return {
      status: answer.status,
      connection: answer.headers.get('connection'),
      ...(code === undefined ? {} : { code }),
    };
  }
  const open = async () =>
    (await onServer(postgres.urlOf('service'), `SELECT id FROM payments WHERE status <> 'posted'`)).length;

  test(
    'on a standby neither is ready, nothing is 500, and after its promotion all goes on by itself',
    async () => {
      await becomes(api, { http: 200, status: 'ok', reasons: [] });
      await becomes(worker, { http: 200, status: 'ok', reasons: [] });
      expect(await pay()).toMatchObject({ status: 200 });

      await postgres.stop('fast');
      writeFileSync(join(dataDir, 'data', 'standby.signal'), '', { mode: 0o644 });
      await postgres.restart();
      expect(await onServer(postgres.url, 'SELECT pg_is_in_recovery() AS standby')).toEqual([
        { standby: true },
      ]);
      const readOnly = { http: 503, status: 'unavailable' };
      await becomes(api, readOnly);
      await becomes(worker, readOnly);
      expect((await readiness(api ?? { url: '' })).reasons).toContain('postgres_read_only');
      expect(await pay()).toMatchObject({ status: 503, code: 'service_unavailable' });

      await onServer(postgres.url, 'SELECT pg_promote()');
      await becomes(api, { http: 200, status: 'ok', reasons: [] });
      await becomes(worker, { http: 200, status: 'ok', reasons: [] });
      await vi.waitFor(async () => expect(await pay()).toMatchObject({ status: 200 }), PATIENCE);
      await vi.waitFor(async () => expect(await open()).toBe(0), PATIENCE);
    },
    SLOW,
  );

  test(
    'a primary whose synchronous standby is gone is not ready, and no check leaves a session behind',
    async () => {
      const health = 'emr-payments-api health';
      const sessions = async () =>
        (await onServer(postgres.url, `SELECT FROM pg_stat_activity WHERE application_name = '${health}'`))
          .length;
      // The tests' server does not wait for the disk. Sessions from now on wait for disk and standby.
      await onServer(postgres.url, 'ALTER DATABASE service SET synchronous_commit = on');
      await onServer(postgres.url, `ALTER SYSTEM SET synchronous_standby_names = 'gone'`);
      await onServer(postgres.url, 'SELECT pg_reload_conf()');
      await onServer(
        postgres.url,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'service'`,
      );
      const late = { http: 503, reasons: ['postgres_unreachable'] };
      await becomes(api, late);
      // Some rounds of checks, each of which waits for 2 s.
      for (const until = Date.now() + 7_000; Date.now() < until; )
        expect(await readiness(api ?? { url: '' })).toMatchObject(late);
      expect(await sessions()).toBe(1);
      await onServer(postgres.url, 'ALTER SYSTEM RESET synchronous_standby_names');
      await onServer(postgres.url, 'SELECT pg_reload_conf()');
      await becomes(api, { http: 200, status: 'ok', reasons: [] });
      await becomes(worker, { http: 200, status: 'ok', reasons: [] });
    },
    SLOW,
  );

  test(
    'a worker that stops says so until its drain is over, which a second signal ends',
    async () => {
      const ended = worker?.kill('SIGTERM');
      await becomes(worker, { http: 503, status: 'stopping' });
      expect(worker?.running).toBe(true);
      await worker?.kill('SIGTERM');
      expect(await ended).toEqual({ code: 0, signal: null });
    },
    SLOW,
  );

  test(
    'an API that stops says so, works on, and ends at the second signal',
    async () => {
      const before = await pay();
      const ended = api?.kill('SIGTERM');
      await becomes(api, { http: 503, status: 'stopping' });
      const during = await pay();
      expect([before, during].map(({ status }) => status)).toEqual([200, 200]);
      expect(during.connection).toBe('close');
      expect(api?.running).toBe(true);
      await api?.kill('SIGINT');
      expect(await ended).toEqual({ code: 0, signal: null });
      await expect(fetch(`${stack.apiUrl}/health/live`)).rejects.toThrow();
    },
    SLOW,
  );
});

test(
  'started before the migrations: both wait, and are ready when these have run',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'emr-payments-schema-'));
    const database = await openEmptyDatabase();
    const [port, healthPort] = [await freePort(), await freePort()];
    const env = {
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS: `one:${randomBytes(32).toString('base64')}`,
      DRAIN_MS: '0',
    };
    const start = (app: 'api' | 'worker', own: Record<string, string>, at: number) =>
      startApp({
        app,
        name: app,
        url: `http://127.0.0.1:${at}`,
        logFile: join(folder, `${app}.log`),
        env: { ...env, ...own },
      });
    const api = await start('api', { PORT: String(port) }, port);
    const worker = await start('worker', { HEALTH_PORT: String(healthPort) }, healthPort);
    try {
      const behind = { http: 503, status: 'unavailable', schema: 'behind' };
      await becomes(api, behind);
      await becomes(worker, behind);
      // It has not begun to work: the relay of a worker that works listens for jobs.
      const listens = `SELECT count(*) > 0 AS yes FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`;
      await vi.waitFor(
        () => expect(readFileSync(worker.logFile, 'utf8')).toContain('waiting for the database'),
        PATIENCE,
      );
      expect(await onServer(database.url, listens)).toEqual([{ yes: false }]);
      await migrate({ url: database.url });
      await becomes(api, { http: 200, schema: 'current' });
      await becomes(worker, { http: 200, status: 'ok', schema: 'current' });
      await vi.waitFor(
        async () => expect(await onServer(database.url, listens)).toEqual([{ yes: true }]),
        PATIENCE,
      );
      expect([api.running, worker.running]).toEqual([true, true]);
    } finally {
      await Promise.all([api.stop(), worker.stop()]);
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  SLOW,
);
