import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import {
  hasPgbouncer,
  hasRedisServer,
  openTestDatabase,
  startPgbouncer,
  startRedis,
  type TestDatabase,
} from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from './pages/blocks.ts';

/** Processes end at their start where a payment could be lost later. What is refused is tested beside `refuseUnfitRedis` and `refuseSharedSessions`. */

if (!hasPgbouncer() || !hasRedisServer())
  process.stderr.write(`
  ############################################################################
  #  NO PGBOUNCER OR NO REDIS-SERVER: tests of refused starts were SKIPPED.  #
  ############################################################################
`);

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.drop());

/** Runs a process that ends by itself; one that does not is killed. */
function start(
  file: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: unknown; said: string }> {
  const base = {
    ...{ PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0', HEALTH_PORT: '0' },
    ...{ DATABASE_URL: database.appUrl, ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` },
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT, file)],
      { env: { ...base, ...env }, timeout: 60_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: `${stdout}${stderr}` }),
    );
  });
}

const SERVICES = ['dist/api.js', 'dist/worker.js'];

describe.each(SERVICES)('%s ends with a sentence that names the variable, and without a stack', (file) => {
  test.each([
    ['ENCRYPTION_KEYS', 'k1:short'],
    ['WEBHOOK_ALLOW_HOSTS', '10.0.0.0/99'],
    ['HOST', 'no-such-host.invalid'],
    ['DRAIN_MS', '5e3'],
  ])('%s=%s', { timeout: 30_000 }, async (name, value) => {
    const { code, said } = await start(file, { [name]: value });
    expect(said).toContain(name);
    expect(said).not.toMatch(/^\s+at |\\n\s+at |"stack"/m);
    expect(code).toBe(1);
  });

  test('HEALTH_PORT is taken', { timeout: 30_000 }, async () => {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, said } = await start(file, { HEALTH_PORT: String(port) });
    expect(said).toContain(`HEALTH_PORT is ${port}, where another process listens already`);
    expect(said).not.toContain('"stack"');
    expect(code).toBe(1);
  });
});

test('the migrations name the variable when no connection can be made, and not its password', async () => {
  const command = 'packages/db/src/migrations/migrate-command.ts';
  const wrongPassword = new URL(database.appUrl);
  wrongPassword.password = 'not-the-password';
  const nowhere = 'postgres://app:not-the-password@127.0.0.1:1/none';
  const told = [
    { DATABASE_URL: wrongPassword.href },
    { DATABASE_URL: nowhere },
    { DATABASE_DIRECT_URL: nowhere },
  ];
  for (const env of told) {
    const { code, said } = await start(command, env);
    expect(said).toContain(`${Object.keys(env)[0]} leads to no PostgreSQL that can be used: `);
    expect(said).not.toContain('not-the-password');
    expect(code).toBe(1);
  }
}, 60_000);

describe.runIf(hasRedisServer())('a Redis that may remove entries', () => {
  test.each(SERVICES)(
    'ends %s',
    // Again, because a Redis that does not answer in time does not refuse a start, and a machine may stall just then.
    { timeout: 90_000, retry: 1 },
    async (file) => {
      const redis = await startRedis({ 'maxmemory-policy': 'allkeys-lru' });
      onTestFinished(redis.stop);
      const { code, said } = await start(file, { REDIS_URL: redis.url });
      expect(said).toContain('has the maxmemory-policy allkeys-lru');
      expect(code).toBe(1);
    },
  );
});

describe.runIf(hasPgbouncer())('a pooler that shares sessions', () => {
  test.each([...SERVICES, 'packages/db/src/migrations/migrate-command.ts'])(
    'ends %s',
    async (file) => {
      const bouncer = await startPgbouncer({ urls: [database.appUrl], mode: 'transaction' });
      onTestFinished(bouncer.stop);
      const { code, said } = await start(file, { DATABASE_URL: bouncer.urlOf(database.appUrl) });
      expect(said).toContain('DATABASE_URL leads to a connection pooler that shares sessions');
      expect(said).not.toContain(new URL(database.appUrl).password);
      expect(code).toBe(1);
    },
    90_000,
  );
});
