import { createPostgresBackend, runMigrations, withBackend } from 'bullmq';
import { Client, type ClientConfig } from 'pg';
import type { Logger } from './logger.ts';
import { type Backend, type BundleQueue, errorsOf } from './queue-backend.ts';
import type { Bundle } from './queue-bundles.ts';
import { openQueuePool } from './queue-connections.ts';
import { probePostgresQueue, queueTroubleOf } from './queue-trouble.ts';
import { queueUntilReady, workerUntilReady } from './queue-until-ready.ts';

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

/** By hand: on PostgreSQL, `getJobs` of BullMQ 6.7 gives the newest job when it is asked for the oldest one. */
const OLDEST = {
  name: 'oldest-bundle',
  text: `SELECT added_at_ms AS at FROM bullmq.job WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT 1`,
};

/** Uses BullMQ's own PostgreSQL backend, in the schema `bullmq` of our database, which `migrateQueue` has made. */
export function postgresBackend(url: string, logger: Logger): Backend {
  const pool = openQueuePool({ url, logger });
  const connection = {
    connectionString: url,
    max: 4,
    connectionTimeoutMillis: 3000,
    Client: ListenedClient,
  };
  const onError = errorsOf(logger);
  const ping = () => probePostgresQueue(pool);
  return {
    name: 'postgres',
    queue: (name) =>
      queueUntilReady<BundleQueue>(() =>
        new onPostgres.Queue<Bundle>(name, { connection }).on('error', onError(name)),
      ),
    async oldest(name) {
      const { rows } = await pool.query<{ at: string }>({ ...OLDEST, values: [name] });
      return rows[0] === undefined ? null : Number(rows[0].at);
    },
    worker: (name, processor, options) =>
      workerUntilReady(
        () =>
          new onPostgres.Worker<Bundle>(name, processor, { ...options, connection, autorun: false }).on(
            'error',
            onError(name),
          ),
        onError(name),
      ),
    ping,
    trouble: () => ping().then(() => null, queueTroubleOf),
    close: () => pool.end(),
  };
}
