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
import { probePostgresQueue, probeRedis } from './queue-trouble.ts';
import { queueUntilReady, workerUntilReady } from './queue-until-ready.ts';
import { LateError, within } from './within.ts';

/** One queue for each kind of job. */
export type QueueName = 'post-payment' | 'deliver-webhook';

/** All that travels through BullMQ: the number of a job row, and the fence that the claim of it must find. */
export type QueueEntry = { job: string; fence: number };

export type QueueConsumer = {
  /** Takes no new entry, and waits at most `withinMs` for the running ones. */
  close(withinMs: number): Promise<void>;
};

/** Carries entries from the relay to the handlers. It may lose all of them at any moment: Postgres is the truth. */
export type Transport = {
  readonly backend: 'redis' | 'postgres';
  /** Writes to the queue as an entry does. Rejects when that fails: `queueTroubleOf` names what the error means. */
  ping(): Promise<void>;
  /** Adds entries; one that is already in the queue is not added again. Rejects at once when the queue is down. */
  add(queue: QueueName, entries: readonly QueueEntry[]): Promise<void>;
  consume(
    queue: QueueName,
    concurrency: number,
    handler: (entry: QueueEntry) => Promise<void>,
  ): QueueConsumer;
  close(): Promise<void>;
};

type NewEntry = { name: string; data: QueueEntry; opts: JobsOptions };
type EntryQueue = { addBulk(entries: NewEntry[]): Promise<unknown>; close(): Promise<void> };
type EntryWorker = { close(force?: boolean): Promise<void> };
type Processor = (job: { data: QueueEntry }) => Promise<void>;
type ConsumerOptions = Omit<WorkerOptions, 'connection'>;

/** The part of the transport that differs between Redis and PostgreSQL. */
type Backend = {
  name: Transport['backend'];
  queue(name: QueueName): EntryQueue;
  worker(name: QueueName, processor: Processor, options: ConsumerOptions): EntryWorker;
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
      queueUntilReady<NewEntry>(() =>
        new Queue<QueueEntry>(name, { connection: producer, prefix: PREFIX }).on('error', onError(name)),
      ),
    worker: (name, processor, options) =>
      new Worker<QueueEntry>(name, processor, { ...options, connection: consumer, prefix: PREFIX }).on(
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
      queueUntilReady<NewEntry>(() =>
        new onPostgres.Queue<QueueEntry>(name, { connection }).on('error', onError(name)),
      ),
    worker: (name, processor, options) =>
      workerUntilReady(
        () =>
          new onPostgres.Worker<QueueEntry>(name, processor, { ...options, connection, autorun: false }).on(
            'error',
            onError(name),
          ),
        onError(name),
      ),
    ping: () => probePostgresQueue(pool),
    close: () => pool.end(),
  };
}

/** Opens the queues on Redis when there is a URL for it, otherwise on PostgreSQL. No caller needs to know which. */
export function openTransport(
  { logger }: { logger: Logger },
  urls: { redisUrl?: string | undefined; databaseUrl: string },
): Transport {
  const backend =
    urls.redisUrl === undefined
      ? postgresBackend(urls.databaseUrl, logger)
      : redisBackend(urls.redisUrl, logger);
  const queues = new Map<QueueName, EntryQueue>();

  const queueNamed = (name: QueueName): EntryQueue => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = backend.queue(name);
      queues.set(name, queue);
    }
    return queue;
  };

  return {
    backend: backend.name,
    async ping() {
      await backend.ping();
    },
    async add(name, entries) {
      // BullMQ ignores an id that it still holds, so finished entries are removed at once, to be added again if the job is.
      // BullMQ makes one attempt; retries wait in the job row.
      const opts = { attempts: 1, removeOnComplete: true, removeOnFail: true };
      await queueNamed(name).addBulk(
        entries.map((entry) => ({
          name,
          data: entry,
          opts: { ...opts, jobId: `${entry.job}-${entry.fence}` },
        })),
      );
    },
    consume(name, concurrency, handler) {
      const worker = backend.worker(name, (job) => handler(job.data), {
        concurrency,
        // Entries that a killed process had taken but not claimed come back when their lock expires. It is short because
        // until then their ids keep them from being added again. (What the process had claimed comes back by the job row's
        // lease.) A lock that expires too early does no harm: the second taker finds the job claimed.
        lockDuration: 6_000,
        stalledInterval: 3_000,
        maxStalledCount: 1_000_000,
        drainDelay: 1,
        runRetryDelay: 500,
      });
      return {
        async close(withinMs) {
          try {
            await within(withinMs, worker.close());
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
