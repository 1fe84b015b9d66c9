import { randomUUID } from 'node:crypto';
import {
  createPostgresBackend,
  type JobsOptions,
  Queue,
  runMigrations,
  Worker,
  type WorkerOptions,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import { Client, type ClientConfig, Pool } from 'pg';
import type { Logger } from './logger.ts';
import { type Bundle, bundleSize, type DueEntry, packBundles, toBundle } from './queue-bundles.ts';
import { type EntryHandler, openTakers, type TakenBundle } from './queue-takers.ts';
import { probePostgresQueue, probeRedis } from './queue-trouble.ts';
import { queueUntilReady, workerUntilReady } from './queue-until-ready.ts';
import { LateError, within } from './within.ts';

/** One queue for each kind of job. */
export type QueueName = 'post-payment' | 'deliver-webhook';

/** How many entries of each queue a process works on at once. */
export type QueueConcurrency = Readonly<Record<QueueName, number>>;

/** Of each queue, the `queuedAt` of the bundle that has waited longest; null when none waits. */
export type WaitingSince = Record<QueueName, number | null>;

export type QueueConsumer = {
  /** Takes no new entry, and waits at most `withinMs` until those under work have ended. */
  close(withinMs: number): Promise<void>;
};

/**
 * Carries entries from the relay to the handlers, in bundles: a BullMQ job has up to 50 of them. It may lose all of them at any
 * moment, and may hand one out twice: PostgreSQL is the truth, and the fence makes a second hand-over harmless.
 */
export type Transport = {
  readonly backend: 'redis' | 'postgres';
  /** Writes to the queue as an entry does. Rejects when that fails: `queueTroubleOf` names what the error means. */
  ping(): Promise<void>;
  /** Adds entries, also those that are already in the queue. Rejects at once when the queue is down. */
  add(queue: QueueName, entries: readonly DueEntry[]): Promise<void>;
  /** The queue is first in, first out: what was queued earlier than this is no longer waiting in it. */
  waitingSince(): Promise<WaitingSince>;
  consume(queue: QueueName, handler: EntryHandler): QueueConsumer;
  close(): Promise<void>;
};

type NewBundle = { name: string; data: Bundle; opts: JobsOptions };
type BundleQueue = Pick<Queue<Bundle>, 'addBulk' | 'add' | 'getJobs' | 'close' | 'waitUntilReady'>;
type LazyQueue = ReturnType<typeof queueUntilReady<BundleQueue>>;
type BundleWorker = { close(force?: boolean): Promise<void> };
type Processor = (job: TakenBundle) => Promise<void>;
type ConsumerOptions = Omit<WorkerOptions, 'connection'>;

/** The part of the transport that differs between Redis and PostgreSQL. */
type Backend = {
  name: Transport['backend'];
  queue(name: QueueName): LazyQueue;
  worker(name: QueueName, processor: Processor, options: ConsumerOptions): BundleWorker;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
};

const PREFIX = '{emr-payments}';
const PROBE_KEY = `${PREFIX}:probe`;
const retryStrategy = (times: number) => Math.min(times * 100, 1000);

/** After a fail-over behind a fixed address, a connection that stayed open leads to the former master: a new one does not. */
const reconnectOnError = (error: Error) => /\bREADONLY\b/.test(error.message);

/** At debug level: BullMQ emits an error for every broken connection. The relay's warning and /health/ready report it once. */
const errorsOf = (logger: Logger) => (queue: QueueName) => (err: Error) =>
  logger.debug({ err, queue }, 'queue error');

function redisBackend(url: string, logger: Logger): Backend {
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

const onPostgres = withBackend(createPostgresBackend);

/**
 * Listens for the errors of every connection. BullMQ 6.7 does not while it reads the schema for the first time, on a
 * connection checked out of its pool: if PostgreSQL went away in that moment, Node would end the process.
 */
class ListenedClient extends Client {
  constructor(config?: ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/**
 * Creates or updates the schema `bullmq`, which the queue uses when there is no Redis.
 *
 * @param client a connection that may create schemas; the service's own may not.
 */
export async function migrateQueue({ client }: { client: Client }): Promise<void> {
  await runMigrations(client);
}

/** Uses BullMQ's own PostgreSQL backend, in the schema `bullmq` of our database, which `migrateQueue` has made. */
function postgresBackend(url: string, logger: Logger): Backend {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: 3000,
    query_timeout: 6000,
  });
  pool.on('error', (err) => logger.debug({ err, backend: 'postgres' }, 'queue connection error'));
  const connection = {
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: 3000,
    Client: ListenedClient,
  };
  const onError = errorsOf(logger);
  return {
    name: 'postgres',
    queue: (name) =>
      queueUntilReady<BundleQueue>(() =>
        new onPostgres.Queue<Bundle>(name, { connection }).on('error', onError(name)),
      ),
    worker: (name, processor, options) =>
      workerUntilReady(
        () =>
          new onPostgres.Worker<Bundle>(name, processor, { ...options, connection, autorun: false }).on(
            'error',
            onError(name),
          ),
        onError(name),
      ),
    ping: () => probePostgresQueue(pool),
    close: () => pool.end(),
  };
}

/** Places of a process that consumes nothing, such as the API. */
const NOTHING_CONSUMED: QueueConcurrency = { 'post-payment': 1, 'deliver-webhook': 1 };

/**
 * Opens the queues on Redis when there is a URL for it, otherwise on PostgreSQL. No caller needs to know which.
 *
 * @param urls.concurrency of this process; it also sizes the bundles, as if the other processes had the same.
 */
export function openTransport(
  { logger }: { logger: Logger },
  {
    redisUrl,
    databaseUrl,
    concurrency = NOTHING_CONSUMED,
  }: { redisUrl?: string | undefined; databaseUrl: string; concurrency?: QueueConcurrency },
): Transport {
  const backend =
    redisUrl === undefined ? postgresBackend(databaseUrl, logger) : redisBackend(redisUrl, logger);
  const queues = new Map<QueueName, LazyQueue>();

  const queueNamed = (name: QueueName): LazyQueue => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = backend.queue(name);
      queues.set(name, queue);
    }
    return queue;
  };

  /** BullMQ makes one attempt and keeps nothing: retries wait in the job row. */
  function newBundle(name: QueueName, entries: [DueEntry, ...DueEntry[]]): NewBundle {
    const queuedAt = Math.min(...entries.map((entry) => entry.queuedAt ?? Date.now()));
    return {
      name,
      data: toBundle(entries),
      opts: {
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
        // BullMQ ignores an id that it still has. No two bundles have the same, so none is ignored for what another one carries.
        jobId: randomUUID(),
        timestamp: queuedAt,
      },
    };
  }

  async function add(name: QueueName, entries: readonly DueEntry[]): Promise<void> {
    const bundles = packBundles(entries, { size: bundleSize(concurrency[name]) }).map((packed) =>
      newBundle(name, packed),
    );
    const [only] = bundles;
    if (only === undefined) return;
    await queueNamed(name).use<unknown>((queue) =>
      // For one job this is the cheaper call: on Redis without a transaction, on PostgreSQL without temporary tables.
      bundles.length === 1 ? queue.add(only.name, only.data, only.opts) : queue.addBulk(bundles),
    );
  }

  async function oldest(name: QueueName): Promise<number | null> {
    const [bundle] = await queueNamed(name).use((queue) => queue.getJobs(['wait'], 0, 0, true));
    return bundle?.timestamp ?? null;
  }

  return {
    backend: backend.name,
    async ping() {
      await backend.ping();
    },
    add,
    async waitingSince() {
      const [postings, deliveries] = await Promise.all([oldest('post-payment'), oldest('deliver-webhook')]);
      return { 'post-payment': postings, 'deliver-webhook': deliveries };
    },
    consume(name, handler) {
      const handBack = (entries: DueEntry[]) => add(name, entries);
      const takers = openTakers({ handler, handBack, logger }, { concurrency: concurrency[name] });
      const worker = backend.worker(name, takers.process, {
        concurrency: takers.count,
        // A bundle that a killed process had taken comes back when its lock expires, the sweeper finds its jobs at about the same
        // time. (What the process had claimed comes back by the job row's lease.) A lock that expires too early does no harm: the
        // second taker finds the jobs claimed.
        lockDuration: 6_000,
        stalledInterval: 3_000,
        maxStalledCount: 1_000_000,
        drainDelay: 1,
        runRetryDelay: 500,
      });
      return {
        async close(withinMs) {
          takers.stop();
          try {
            await within(
              withinMs,
              worker.close().then(() => takers.idle()),
            );
          } catch (error) {
            if (!(error instanceof LateError)) throw error;
            await worker.close(true);
          }
        },
      };
    },
    async close() {
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await backend.close();
    },
  };
}
