import { randomBytes } from 'node:crypto';
import type { Adapters } from '@emr-payments/emr';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { createLogger, type Logger, parseKeyring, Releases } from '@emr-payments/runtime';
import { postgresClient } from '@emr-payments/runtime/postgres';
import { openTestDatabase } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import type { WorkerConfig } from './config.ts';
import { startWorker, type WorkerParts, workerParts } from './start-worker.ts';

const configOn = (url: string): WorkerConfig => ({
  ...{ databaseUrl: url, directUrl: url, redisUrl: undefined, host: '127.0.0.1', healthPort: 0 },
  ...{ keyring: parseKeyring(`test:${randomBytes(32).toString('base64')}`), metricsToken: undefined },
  ...{ allowHosts: [], sandboxHosts: parseSandboxHosts('sandbox.example') },
  ...{ postingConcurrency: 1, deliveryConcurrency: 1, poolSize: 2, leaseMs: 60_000, horizonMs: 3_600_000 },
  ...{ eventRetentionDays: 30, partitionDays: 28, drainMs: 0 },
  logLevel: 'silent',
});

test('a worker opens the connections of payments and of syncs by the rule of test and live clients', async () => {
  const database = await openTestDatabase();
  const releases = new Releases();
  const logger = createLogger('worker', 'silent');
  const opened: Adapters[] = [];
  const createAdapters: WorkerParts['createAdapters'] = (deps) => {
    const adapters = workerParts.createAdapters(deps);
    opened.push(adapters);
    return adapters;
  };
  const config = configOn(database.appUrl);
  try {
    await startWorker({ config, logger, parts: { ...workerParts, createAdapters } }, releases);
    expect(opened).toHaveLength(2);
    const stored = {
      ...{ userId: 1, adapter: 'fhir-r5', settings: {}, timeZone: 'UTC', credentials: null },
      ...{ version: '1', guarded: false },
    };
    const emr = { ...stored, baseUrl: 'https://emr.example/fhir' };
    const sandbox = { ...stored, baseUrl: 'https://sandbox.example/fhir' };
    for (const adapters of opened) {
      expect(() => adapters.of({ ...emr, clientMode: 'test' })).toThrow('not in SANDBOX_HOSTS');
      expect(() => adapters.of({ ...sandbox, clientMode: 'live' })).toThrow('in SANDBOX_HOSTS');
      expect(adapters.of({ ...emr, clientMode: 'live' }).capability).toBe('conditional-create');
    }
  } finally {
    releases.stopping.begin({ drainMs: 0 });
    await releases.close(logger);
    await database.drop();
  }
});

test('a worker is ready once it has checked the database for lost commits, also when it has to hold posting then', async () => {
  const database = await openTestDatabase();
  const owner = postgresClient({ url: database.url });
  await owner.connect();
  const releases = new Releases();
  const port = Promise.withResolvers<number>();
  const quiet = createLogger('worker', 'silent');
  const logger: Logger = {
    ...quiet,
    info: (fields) => (fields.port === undefined ? undefined : port.resolve(fields.port)),
  };
  // No server has this identity: somebody has to say that nothing is missing.
  await owner.query(
    `INSERT INTO lineage (installation, cluster, writer, doubted_at, doubt)
     VALUES (gen_random_uuid(), 'another', '0', now(), 'other_cluster')`,
  );
  // The guard's first check waits for it, and nothing else of a worker that starts does.
  await owner.query('BEGIN; LOCK TABLE lineage IN ACCESS EXCLUSIVE MODE');
  const starting = startWorker({ config: configOn(database.appUrl), logger }, releases);
  try {
    const url = `http://127.0.0.1:${await port.promise}/health/ready`;
    const readiness = async () => {
      const answer = await fetch(url);
      return [answer.status, await answer.json()];
    };
    const up = { postgres: 'up', schema: 'current', queue: 'up' };
    const unchecked = { ...up, status: 'unavailable', reasons: ['lineage_unchecked'] };
    await expect.poll(readiness, { timeout: 30_000 }).toEqual([503, unchecked]);
    await owner.query('COMMIT');
    await starting;
    expect(await readiness()).toEqual([200, { ...up, status: 'ok', reasons: [] }]);
    const { rows } = await owner.query(`SELECT scope FROM holds`);
    expect(rows).toEqual([{ scope: 'all' }]);
  } finally {
    await owner.query('ROLLBACK');
    releases.stopping.begin({ drainMs: 0 });
    await starting;
    await releases.close(quiet);
    await owner.end();
    await database.drop();
  }
}, 60_000);
