import type { Database } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import { createLogger, type QueueConsumer, type Transport } from '@emr-payments/runtime';
import { openTransport } from '@emr-payments/runtime/queues';
import { hasRedisServer, type RedisServer, startRedis } from '@emr-payments/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { jobSteps } from '../steps.ts';
import { startRelay } from './relay.ts';
import { startSweeper } from './sweeper.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const PLACES = 4;
const logger = createLogger('test', 'silent');

let database: Database;
let transport: Transport;
let redis: RedisServer | undefined;
const releases: (() => Promise<unknown>)[] = [];
let swept: { expired: number; unclaimed: number }[];
let added: string[];
const openDatabase = databaseOfFile();

const backends = ['PostgreSQL', ...(hasRedisServer() ? ['Redis'] : [])];

afterEach(async () => {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
});

describe.each(backends)('with the queue on %s', (backend) => {
  beforeEach(async () => {
    swept = [];
    added = [];
    const opened = await openDatabase();
    database = opened.database;
    redis = backend === 'Redis' ? await startRedis() : undefined;
    releases.push(async () => redis?.stop());
    const concurrency = { 'post-payment': PLACES, 'deliver-webhook': PLACES, 'sync-connection': 1 };
    transport = openTransport({ logger }, { databaseUrl: opened.appUrl, redisUrl: redis?.url, concurrency });
    releases.push(() => transport.close());
    const metrics = createWorkerMetrics({ database });
    const relay = startRelay(
      {
        database,
        logger,
        metrics,
        transport: {
          ...transport,
          add(queue, entries) {
            added.push(...entries.map(({ job }) => job));
            return transport.add(queue, entries);
          },
        },
      },
      { databaseUrl: opened.appUrl },
    );
    releases.push(() => relay.close());
    const steps = {
      async sweepJobs(...input: Parameters<typeof jobSteps.sweepJobs>) {
        const result = await jobSteps.sweepJobs(...input);
        swept.push(result);
        return result;
      },
    };
    const sweeper = startSweeper({
      database,
      transport,
      steps,
      logger,
      metrics,
    });
    releases.push(() => sweeper.close());
    await database.pool.query(`INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'connection', 1000)`);
  });

  const addJobs = (count: number) =>
    database.pool.query(
      `INSERT INTO jobs (kind, lane_id) SELECT 'post_payment', 1 FROM generate_series(1, ${count})`,
    );
  /** Twice as long as the sweeper gives a worker to claim a job. */
  const ages = () => database.pool.query("UPDATE jobs SET queued_at = queued_at - interval '10 seconds'");
  const sweeps = async (count: number) => {
    const from = swept.length;
    await vi.waitFor(() => expect(swept.length).toBeGreaterThanOrEqual(from + count), PATIENCE);
  };

  /** A worker whose places are taken until `go`; then every job is done once: its row is deleted by the first claim of it. */
  function consumeSlowly(): { consumer: QueueConsumer; go: () => void; done: Map<string, number> } {
    const open = Promise.withResolvers<void>();
    const done = new Map<string, number>();
    const consumer = transport.consume('post-payment', async ({ job, fence }) => {
      await open.promise;
      const { rowCount } = await database.pool.query('DELETE FROM jobs WHERE id = $1 AND fence = $2', [
        job,
        fence,
      ]);
      done.set(job, (done.get(job) ?? 0) + (rowCount ?? 0));
    });
    releases.push(() => consumer.close(1_000));
    return { consumer, go: open.resolve, done };
  }

  test('a worker that does not get on does not make the queue grow, and afterwards all is done once', async () => {
    const { go, done } = consumeSlowly();
    await addJobs(60);
    await vi.waitFor(() => expect(added).toHaveLength(60), PATIENCE);
    // Longer than the five seconds after which a job without a claim is taken back, if it cannot be waiting in the queue.
    await sweeps(8);
    expect(added).toHaveLength(60);
    go();
    await vi.waitFor(() => expect(done.size).toBe(60), PATIENCE);
    expect(new Set(done.values())).toEqual(new Set([1]));
  }, 60_000);

  test('entries that are lost while others wait in the queue are fed again once the queue has moved on', async () => {
    await addJobs(8);
    await vi.waitFor(() => expect(added).toHaveLength(8), PATIENCE);
    // Handed over by nobody: as of a worker that died after it marked them.
    await database.pool.query(
      `INSERT INTO jobs (kind, lane_id, queued_at) SELECT 'post_payment', 1, now() - interval '1 minute' FROM generate_series(1, 3)`,
    );
    await vi.waitFor(() => expect(added).toHaveLength(11), PATIENCE);
    const { go, done } = consumeSlowly();
    go();
    await vi.waitFor(() => expect(done.size).toBe(11), PATIENCE);
    expect(new Set(done.values())).toEqual(new Set([1]));
  });

  test('the whole queue is lost: everything is fed again', async () => {
    await addJobs(8);
    await vi.waitFor(() => expect(added).toHaveLength(8), PATIENCE);
    if (redis === undefined) await database.pool.query('DELETE FROM bullmq.job');
    else await redis.flush();
    await ages();
    await vi.waitFor(() => expect(added).toHaveLength(16), PATIENCE);
  });
});
