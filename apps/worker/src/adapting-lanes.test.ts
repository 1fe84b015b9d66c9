import { createClient, type Database, feedJobs, registerEndpoint } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { createLogger, type Keyring, Releases } from '@emr-payments/runtime';
import { newWebhookSecret } from '@emr-payments/webhooks';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { WorkerConfig } from './config.ts';
import { startWorker } from './start-worker.ts';
import { type CountingReceiver, type Manner, startCountingReceiver } from './testing/counting-receiver.ts';
import { testWorkerConfig } from './testing/worker-config.ts';

const PATIENCE = { timeout: 45_000, interval: 25 };
const TIME = 120_000;

const openDatabase = databaseOfFile();
let database: Database;
let appUrl: string;
let keyring: Keyring;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  ({ appUrl, keyring, owner: database } = await openDatabase());
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startOne(change: Partial<WorkerConfig> = {}): Promise<() => Promise<void>> {
  const releases = new Releases();
  const usual = { allowHosts: ['127.0.0.1'], deliveryConcurrency: 256 };
  const config = testWorkerConfig({ url: appUrl, keyring }, { ...usual, ...change });
  const logger = createLogger('worker', 'silent');
  await startWorker({ config, logger }, releases);
  let closing: Promise<void> | undefined;
  const close = () => {
    releases.stopping.begin({ drainMs: 0 });
    closing ??= Promise.resolve(releases.close(logger)).then(() => undefined);
    return closing;
  };
  closers.push(close);
  return close;
}

type Endpoint = CountingReceiver & { laneId: number; cap(): Promise<number> };

/** A client with one endpoint, at a receiver of its own, and so many deliveries that are due. */
async function openEndpoint(manner: Manner, { due }: { due: number }): Promise<Endpoint> {
  const receiver = await startCountingReceiver(manner);
  closers.push(() => receiver.close());
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  const endpointId = await registerEndpoint(
    { database, keyring },
    { clientPk, url: receiver.url, secret: newWebhookSecret() },
  );
  const { laneId } = await database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id: endpointId } });
  await database.pool.query(
    `WITH event AS (
       INSERT INTO events (id, client_pk, type, body)
       SELECT 'evt_' || replace(gen_random_uuid()::text, '-', ''), $1, 'payment.created', '{"data": {}}' FROM generate_series(1, $4::int)
       RETURNING id
     ), delivery AS (
       INSERT INTO deliveries (event_id, endpoint_id, event_type) SELECT id, $2, 'payment.created' FROM event RETURNING event_id, id
     )
     INSERT INTO jobs (kind, lane_id, event_id, delivery_id) SELECT 'deliver_webhook', $3, event_id, id FROM delivery`,
    [clientPk, endpointId, laneId, due],
  );
  const cap = async () => {
    const { rows } = await database.pool.query('SELECT cap FROM lane_caps WHERE lane_id = $1', [laneId]);
    return rows[0]?.cap ?? 10;
  };
  return Object.assign(receiver, { laneId, cap });
}

const until = (check: () => unknown) => vi.waitFor(check, PATIENCE);

test(
  'an endpoint that keeps up gets more than ten at once, and a worker that starts again goes on there',
  async () => {
    const endpoint = await openEndpoint({ status: 204, afterMs: 150 }, { due: 6_000 });
    const stop = await startOne();
    await until(() => expect(endpoint.most).toBeGreaterThan(24));
    await stop();
    const kept = await endpoint.cap();
    expect(kept).toBeGreaterThan(24);
    // As a worker's first feed finds it.
    await database.pool.query('UPDATE jobs SET queued_at = NULL, lease_until = NULL, run_at = now()');
    expect(await feedJobs({ database }, 500)).toHaveLength(kept);
  },
  TIME,
);

test(
  'one that hangs never has more than ten and comes down to four, while another one gets all its events',
  async () => {
    const hanging = await openEndpoint('hold', { due: 500 });
    const other = await openEndpoint({ status: 204, afterMs: 1 }, { due: 200 });
    await startOne();
    await until(async () => expect(await hanging.cap()).toBe(4));
    await until(() => expect(other.answered).toBe(200));
    expect(hanging.most).toBe(10);
    // The attempts under way end; of those that follow, four are held at once and never more.
    for (let round = 0; round < 3; round += 1) {
      hanging.release();
      hanging.resetMost();
      await until(() => expect(hanging.underWay).toBe(4));
      expect(hanging.most).toBe(4);
    }
    expect(await hanging.cap()).toBe(4);
  },
  TIME,
);

test(
  'one that answers 503 comes down, and grows again when it is well',
  async () => {
    const endpoint = await openEndpoint({ status: 204, afterMs: 150 }, { due: 6_000 });
    await startOne();
    await until(async () => expect(await endpoint.cap()).toBeGreaterThan(10));
    endpoint.manner = { status: 503, afterMs: 1 };
    await until(async () => expect(await endpoint.cap()).toBe(4));
    endpoint.manner = { status: 204, afterMs: 150 };
    await until(() => expect(endpoint.underWay).toBeLessThanOrEqual(4));
    endpoint.resetMost();
    await until(() => expect(endpoint.most).toBeGreaterThan(10));
    expect(await endpoint.cap()).toBeGreaterThan(10);
  },
  TIME,
);

test(
  'two workers raise and share one cap, and no lane gets more than a quarter of a worker',
  async () => {
    const endpoint = await openEndpoint({ status: 204, afterMs: 150 }, { due: 6_000 });
    await Promise.all([startOne({ deliveryConcurrency: 80 }), startOne({ deliveryConcurrency: 80 })]);
    await until(async () => expect(await endpoint.cap()).toBe(20));
    await until(() => expect(endpoint.most).toBe(20));
    const before = endpoint.answered;
    await until(() => expect(endpoint.answered).toBeGreaterThan(before + 300));
    expect(endpoint.most).toBe(20);
  },
  TIME,
);
