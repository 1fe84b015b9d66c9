import { randomBytes } from 'node:crypto';
import { newEventId } from '@emr-payments/contracts';
import { createClient, inTransaction, openDatabase, publishEvent, registerEndpoint } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { createLogger, type Logger, parseKeyring, Releases } from '@emr-payments/runtime';
import { postgresClient } from '@emr-payments/runtime/postgres';
import { openTestDatabase } from '@emr-payments/testkit';
import { startReceiver } from '@emr-payments/testkit/receiver';
import { newWebhookSecret } from '@emr-payments/webhooks';
import { expect, test } from 'vitest';
import type { WorkerConfig } from './config.ts';
import { startWorker, type WorkerParts, workerParts } from './start-worker.ts';
import { testWorkerConfig } from './testing/worker-config.ts';

const configOn = (url: string): WorkerConfig =>
  testWorkerConfig(
    { url, keyring: parseKeyring(`test:${randomBytes(32).toString('base64')}`) },
    {
      sandboxHosts: parseSandboxHosts('sandbox.example'),
      ...{ postingConcurrency: 1, deliveryConcurrency: 1, poolSize: 2 },
    },
  );

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

test('a delivery that is cut off by the stop of its worker is no failure of the endpoint', async () => {
  const { appUrl, url, drop } = await openTestDatabase();
  const database = openDatabase({ url, poolSize: 2, applicationName: 'test' });
  const asked = Promise.withResolvers<void>();
  const slow = await startReceiver(() => asked.resolve());
  const config = { ...configOn(appUrl), allowHosts: ['127.0.0.1'] };
  const releases = new Releases();
  const logger = createLogger('worker', 'silent');
  await startWorker({ config, logger }, releases);
  try {
    const { clientPk } = await createClient({ database }, { name: 'Integrator' });
    const { keyring } = config;
    await registerEndpoint({ database, keyring }, { clientPk, url: slow.url, secret: newWebhookSecret() });
    const event = { id: newEventId(), type: 'payment.created' };
    await inTransaction({ database }, async (tx) => ({
      commit: true,
      value: await publishEvent(tx, { clientPk, userId: null, event }),
    }));
    await asked.promise;
    // Longer than jobs may take to end: the database is still open when the connections to receivers are closed.
    releases.stopping.begin({ drainMs: 10_000 });
    await releases.close(logger);
    const { rows } = await database.pool.query(
      `SELECT d.status, d.attempts, j.tries, j.fence, e.failing_since, l.failures
         FROM deliveries d JOIN jobs j ON j.delivery_id = d.id JOIN webhook_endpoints e ON e.id = d.endpoint_id JOIN lanes l ON l.id = e.lane_id`,
    );
    expect(rows).toEqual([
      { status: 'pending', attempts: 0, tries: 0, fence: 1, failing_since: null, failures: 0 },
    ]);
  } finally {
    releases.stopping.begin({ drainMs: 0 });
    await releases.close(logger);
    await database.close();
    await drop();
  }
}, 60_000);
