import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from './logger.ts';
import { type Backend, type BundleQueue, errorsOf } from './queue-backend.ts';
import type { Bundle } from './queue-bundles.ts';
import { probeRedis } from './queue-trouble.ts';
import { queueUntilReady } from './queue-until-ready.ts';

const PREFIX = '{emr-payments}';
const PROBE_KEY = `${PREFIX}:probe`;
const retryStrategy = (times: number) => Math.min(times * 100, 1000);

/** After a fail-over behind a fixed address, a connection that stayed open leads to the former master: a new one does not. */
const reconnectOnError = (error: Error) => /\bREADONLY\b/.test(error.message);

/**
 * Longest wait for the answer to a producer's command, which takes a millisecond. A Redis that hangs with its socket open, such as one
 * that is frozen with its virtual machine, never answers and never closes. An entry that it takes after all is there twice, which the
 * fence makes harmless. Consumers have no such bound: their blocking commands wait as long as nothing is queued.
 */
const COMMAND_MS = 3_000;

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
  const connect = (options: object) =>
    new Redis(url, { retryStrategy, reconnectOnError, ...options }).on('error', (err) =>
      logger.debug({ err, backend: 'redis' }, 'queue connection error'),
    );
  const onError = errorsOf(logger);
  // A producer's command fails at once while Redis is down; a consumer's waits for it to come back.
  const producer = connect({
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_MS,
  });
  const consumer = connect({ maxRetriesPerRequest: null });
  return {
    name: 'redis',
    queue: (name) =>
      // A connection that is lost while BullMQ looks at the server for the first time would leave a queue that never works.
      queueUntilReady<BundleQueue>(() =>
        new Queue<Bundle>(name, { connection: producer, prefix: PREFIX }).on('error', onError(name)),
      ),
    oldest: (_name, queue) => queue.use(oldestOf),
    worker: (name, processor, options) =>
      new Worker<Bundle>(name, processor, { ...options, connection: consumer, prefix: PREFIX }).on(
        'error',
        onError(name),
      ),
    ping: () => probeRedis(producer, { key: PROBE_KEY }),
    close: async () => {
      producer.disconnect();
      consumer.disconnect();
    },
  };
}
