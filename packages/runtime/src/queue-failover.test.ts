import {
  hasRedisServer,
  type RedisServer,
  startRedisCluster,
  startRedisSentinel,
} from '@emr-payments/testkit';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { QUEUE_NAMES, type QueueName } from './queue-backend.ts';
import { openTransport } from './queues.ts';
import { prefixesOf } from './redis-keys.ts';

const logger = createLogger('test', 'silent');

/** Two to six seconds on a free machine (docs/redis.md). */
const PATIENCE = { timeout: 60_000, interval: 50 };

/** As the sweeper does with a job whose entry is not handled in time. */
const AGAIN_AFTER_MS = 3_000;

/** Adds an entry to each queue every 50 ms, and again what was refused or got lost, as relay and sweeper do from PostgreSQL. */
function openFlow(redisUrl: string) {
  const open = () => openTransport({ logger }, { redisUrl, databaseUrl: 'postgres://unused' });
  const producer = open();
  const worker = open();
  const waiting = new Map<QueueName, Map<string, number>>(QUEUE_NAMES.map((name) => [name, new Map()]));
  let made = 0;
  const handled = new Map<QueueName, number>(QUEUE_NAMES.map((name) => [name, 0]));
  const consumers = QUEUE_NAMES.map((name) =>
    worker.consume(name, async ({ job }) => {
      waiting.get(name)?.delete(job);
      handled.set(name, Math.max(handled.get(name) ?? 0, Number(job)));
    }),
  );
  const add = (name: QueueName, job: string) => {
    waiting.get(name)?.set(job, performance.now());
    producer.add(name, [{ job, fence: 0 }]).catch(() => undefined);
  };
  const timer = setInterval(() => {
    made += 1;
    for (const [name, jobs] of waiting) {
      for (const [job, addedAt] of jobs) if (performance.now() - addedAt > AGAIN_AFTER_MS) add(name, job);
      add(name, String(made));
    }
  }, 50);
  const stop = async () => {
    clearInterval(timer);
    await Promise.all(consumers.map((consumer) => consumer.close(2_000)));
    await Promise.all([producer.close(), worker.close()]);
  };
  onTestFinished(stop);
  return {
    /** Resolves when every queue has handled an entry that was made after the call. */
    async goesOn() {
      const from = made;
      await vi.waitFor(
        () => expect([...handled].filter(([, last]) => last <= from).map(([name]) => name)).toEqual([]),
        PATIENCE,
      );
    },
    /** Adds nothing new, and resolves when everything that was ever made has been handled. */
    async ends() {
      const until = made;
      await vi.waitFor(() => {
        const left = [...waiting.values()].flatMap((jobs) => [...jobs.keys()]);
        expect(left.filter((job) => Number(job) <= until)).toEqual([]);
      }, PATIENCE);
    },
  };
}

const freeze = ({ pid }: RedisServer) => {
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(pid, 'SIGCONT'));
};

describe.runIf(hasRedisServer())(
  'without a restart, and without losing an entry',
  { timeout: 180_000 },
  () => {
    test('the queues go on after the sentinels replace a master that was killed, and one that is frozen', async () => {
      const redis = await startRedisSentinel({ replicas: 2 });
      onTestFinished(redis.stop);
      const flow = openFlow(redis.url);
      await flow.goesOn();
      const first = await redis.master();
      await first.kill();
      await flow.goesOn();
      expect((await redis.master()).port).not.toBe(first.port);

      const second = await redis.master();
      freeze(second);
      await vi.waitFor(async () => expect((await redis.master()).port).not.toBe(second.port), PATIENCE);
      await flow.goesOn();
      await flow.ends();
    });

    test('the queues go on after a Cluster replaces a master that was killed, and one that is frozen', async () => {
      const redis = await startRedisCluster();
      onTestFinished(redis.stop);
      const keyOf = (name: QueueName) => `${prefixesOf('cluster')[name]}:probe`;
      const masters = await Promise.all(QUEUE_NAMES.map((name) => redis.masterOf(keyOf(name))));
      expect(new Set(masters.map(({ port }) => port)).size).toBe(QUEUE_NAMES.length);

      const flow = openFlow(redis.url);
      await flow.goesOn();
      const replaced = (name: QueueName, { port }: RedisServer) =>
        vi.waitFor(async () => expect((await redis.masterOf(keyOf(name))).port).not.toBe(port), PATIENCE);
      const posting = await redis.masterOf(keyOf('post-payment'));
      await posting.kill();
      await replaced('post-payment', posting);
      await flow.goesOn();

      const delivering = await redis.masterOf(keyOf('deliver-webhook'));
      freeze(delivering);
      await replaced('deliver-webhook', delivering);
      await flow.goesOn();
      await flow.ends();
    });
  },
);
