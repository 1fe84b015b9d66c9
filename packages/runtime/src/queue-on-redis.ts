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

export function redisBackend(url: string, logger: Logger): Backend {
  const connect = (options: object) =>
    new Redis(url, { retryStrategy, reconnectOnError, ...options }).on('error', (err) =>
      logger.debug({ err, backend: 'redis' }, 'queue connection error'),
    );
  const onError = errorsOf(logger);
  // A producer's command fails at once while Redis is down; a consumer's waits for it to come back.
  const producer = connect({ enableOfflineQueue: false, maxRetriesPerRequest: 1 });
  const consumer = connect({ maxRetriesPerRequest: null });
  return {
    name: 'redis',
    queue: (name) =>
      // A connection that is lost while BullMQ looks at the server for the first time would leave a queue that never works.
      queueUntilReady<BundleQueue>(() =>
        new Queue<Bundle>(name, { connection: producer, prefix: PREFIX }).on('error', onError(name)),
      ),
    async oldest(_name, queue) {
      const [bundle] = await queue.use((opened) => opened.getJobs(['wait'], 0, 0, true));
      return bundle?.timestamp ?? null;
    },
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
