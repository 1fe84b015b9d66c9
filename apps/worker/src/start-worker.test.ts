import { randomBytes } from 'node:crypto';
import type { Adapters } from '@emr-payments/emr';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { createLogger, parseKeyring, Releases } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { expect, test } from 'vitest';
import type { WorkerConfig } from './config.ts';
import { startWorker, type WorkerParts, workerParts } from './start-worker.ts';

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
  const config: WorkerConfig = {
    ...{
      databaseUrl: database.appUrl,
      directUrl: database.appUrl,
      redisUrl: undefined,
      host: '127.0.0.1',
      healthPort: 0,
    },
    ...{ keyring: parseKeyring(`test:${randomBytes(32).toString('base64')}`), metricsToken: undefined },
    ...{ allowHosts: [], sandboxHosts: parseSandboxHosts('sandbox.example') },
    ...{ postingConcurrency: 1, deliveryConcurrency: 1, poolSize: 2, leaseMs: 60_000, horizonMs: 3_600_000 },
    ...{ eventRetentionDays: 30, partitionDays: 28, drainMs: 0 },
    logLevel: 'silent',
  };
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
