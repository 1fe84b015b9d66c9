import { createRedisBackend, Queue, Worker } from 'bullmq';
import type { Logger } from './logger.ts';
import { type Backend, type BundleQueue, QUEUE_NAMES, type QueueName } from './queue-backend.ts';
import type { Bundle } from './queue-bundles.ts';
import { connectProducer } from './queue-connections.ts';
import { restAfterFailedFetch } from './queue-failed-fetch.ts';
import { queueUntilReady, workerUntilReady } from './queue-until-ready.ts';
import { createRedisCheck } from './redis-check.ts';
import { connectRedis } from './redis-client.ts';
import { marksKeyOf, prefixesOf } from './redis-keys.ts';
import { redisMarks } from './redis-marks.ts';
import { createRedisReporter } from './redis-reporter.ts';
import { parseRedisUrl } from './redis-url.ts';

/** How often the queue is asked again for its oldest bundle. */
const ASK_AGAIN = 5;

/**
 * Returns the timestamp of the bundle that has waited longest. BullMQ reads its id first and the bundle second: one that a worker
 * takes and ends between the two is gone, which does not mean that none waits. Where that happens again and again, 0 says so: any
 * entry may be waiting.
 */
async function oldestOf(queue: BundleQueue): Promise<number | null> {
  for (let asked = 0; asked < ASK_AGAIN; asked += 1) {
    const [id] = await queue.getRanges(['wait'], 0, 0, true);
    if (id === undefined) return null;
    const bundle = await queue.getJob(id);
    if (bundle !== undefined) return bundle.timestamp;
  }
  return 0;
}

export function redisBackend(url: string, logger: Logger): Backend {
  const { kind } = parseRedisUrl(url);
  const prefixes = prefixesOf(kind);
  const reporter = createRedisReporter({ logger });
  const onError = (name: QueueName) => (error: Error) => reporter.report(error, name);
  const producer = connectProducer({ url, reporter });
  // Its commands wait for Redis to come back.
  const consumer = connectRedis({ url, reporter }, { maxRetriesPerRequest: null });
  return {
    name: 'redis',
    groups: kind === 'cluster' ? QUEUE_NAMES.map((name) => [name] as const) : [QUEUE_NAMES],
    onError,
    queue: (name) =>
      // A connection that is lost while BullMQ looks at the server for the first time would leave a queue that never works.
      queueUntilReady<BundleQueue>(() =>
        new Queue<Bundle>(name, { connection: producer, prefix: prefixes[name] }).on('error', onError(name)),
      ),
    oldest: (_name, queue) => queue.use(oldestOf),
    waiting: (_name, queue) => queue.use((open) => open.getWaitingCount()),
    worker: (name, processor, options) =>
      // Its first look at the server needs INFO: a worker whose user may not use it would spin without an end.
      workerUntilReady(
        () =>
          new Worker<Bundle>(
            name,
            processor,
            { ...options, connection: consumer, prefix: prefixes[name], autorun: false },
            (...given) => restAfterFailedFetch(createRedisBackend(...given)),
          ).on('error', onError(name)),
        onError(name),
      ),
    ...createRedisCheck({ client: producer, reporter }, { kind }),
    marks: redisMarks({ client: producer }, { key: marksKeyOf(kind) }),
    close: async () => {
      producer.disconnect();
      consumer.disconnect();
    },
  };
}
