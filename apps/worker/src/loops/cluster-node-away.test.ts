import { type Database, JOB_KINDS, type JobKind, openDatabase } from '@emr-payments/db';
import { createLogger } from '@emr-payments/runtime';
import { openTransport } from '@emr-payments/runtime/queues';
import { hasRedisServer, openTestDatabase, type RedisServer, startRedisCluster } from '@emr-payments/testkit';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { jobSteps } from '../steps.ts';
import { QUEUE_OF } from './queue-group.ts';
import { startRelay } from './relay.ts';
import { startSweeper } from './sweeper.ts';

const PATIENCE = { timeout: 60_000, interval: 50 };
const logger = createLogger('test', 'silent');
const LANES: Record<JobKind, string> = {
  post_payment: 'connection',
  deliver_webhook: 'endpoint',
  sync_connection: 'sync',
};
/** The hash tag that `redis-keys.ts` gives each queue of a Cluster. It decides which node has the queue. */
const TAGS: Partial<Record<JobKind, string>> = {
  post_payment: '{emr-payments:queue:post}',
  deliver_webhook: '{emr-payments:queue:deliver}',
};

describe.runIf(hasRedisServer())('a Cluster of three masters without replicas', { timeout: 180_000 }, () => {
  async function start() {
    const server = await openTestDatabase();
    onTestFinished(server.drop);
    const database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
    onTestFinished(() => database.close());
    const redis = await startRedisCluster({ replicas: 0 });
    onTestFinished(redis.stop);
    const transport = openTransport({ logger }, { redisUrl: redis.url, databaseUrl: server.appUrl });
    onTestFinished(() => transport.close());
    const metrics = createWorkerMetrics({ database });
    const deps = { database, transport, logger, metrics };
    const relay = startRelay(deps, { databaseUrl: server.appUrl });
    onTestFinished(() => relay.close());
    const sweeper = startSweeper({ ...deps, steps: jobSteps });
    onTestFinished(() => sweeper.close());
    const handled = new Set<string>();
    for (const kind of JOB_KINDS) {
      const consumer = transport.consume(QUEUE_OF[kind], async ({ job }) => {
        await database.pool.query('DELETE FROM jobs WHERE id = $1', [job]);
        handled.add(job);
      });
      onTestFinished(() => consumer.close(1_000));
    }
    await database.pool.query(
      `INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'connection', 1000), (2, 'endpoint', 1000), (3, 'sync', 1000)`,
    );
    return { database, redis, handled };
  }

  async function addJob(database: Database, kind: JobKind): Promise<string> {
    const { rows } = await database.pool.query<{ id: number }>(
      `INSERT INTO jobs (kind, lane_id) SELECT '${kind}', id FROM lanes WHERE kind = '${LANES[kind]}' RETURNING id`,
    );
    return String(rows[0]?.id);
  }

  const lose: Record<string, { away(node: RedisServer): unknown; back(node: RedisServer): unknown }> = {
    killed: { away: (node) => node.kill(), back: (node) => node.start() },
    frozen: {
      away: (node) => process.kill(node.pid, 'SIGSTOP'),
      back: (node) => process.kill(node.pid, 'SIGCONT'),
    },
  };

  test.each([
    { kind: 'post_payment', how: 'killed' },
    { kind: 'deliver_webhook', how: 'frozen' },
  ] as const)('while the node of $kind is $how, the other queues are fed', async ({ kind, how }) => {
    const { database, redis, handled } = await start();
    const others = JOB_KINDS.filter((each) => each !== kind);
    const first = await Promise.all(JOB_KINDS.map((each) => addJob(database, each)));
    await vi.waitFor(() => expect([...handled]).toEqual(expect.arrayContaining(first)), PATIENCE);

    const node = await redis.masterOf(`${TAGS[kind]}:probe`);
    await lose[how]?.away(node);
    const waits = await addJob(database, kind);
    for (let round = 0; round < 3; round += 1) {
      const jobs = await Promise.all(others.map((each) => addJob(database, each)));
      await vi.waitFor(() => expect([...handled]).toEqual(expect.arrayContaining(jobs)), PATIENCE);
    }
    expect(handled).not.toContain(waits);

    await lose[how]?.back(node);
    await vi.waitFor(() => expect(handled).toContain(waits), PATIENCE);
  });
});
