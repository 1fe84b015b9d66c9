import {
  createPostgresBackend,
  type PgPool,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  runMigrations,
  withBackend,
} from 'bullmq';
import { type Client, Pool } from 'pg';
import type { Logger } from './logger.ts';
import { postgresConfig } from './postgres-client.ts';
import { type SilenceWatch, watchForSilence } from './postgres-silence.ts';
import { type Backend, type BundleQueue, errorsOf, QUEUE_NAMES } from './queue-backend.ts';
import type { Bundle } from './queue-bundles.ts';
import { createQueuePing, openQueuePool } from './queue-connections.ts';
import { restAfterFailedFetch } from './queue-failed-fetch.ts';
import { queueTroubleOf } from './queue-trouble.ts';
import { queueUntilReady, workerUntilReady } from './queue-until-ready.ts';
import { within } from './within.ts';

/** Longest wait for the connections to end. */
const CLOSE_MS = 1_000;

/**
 * Longest wait for the answer to one of BullMQ's statements, which take milliseconds. A server that has gone without closing its connections, or is
 * frozen, gives none. What was carried out after all does no harm: an entry is there twice, or is found without its holder.
 */
const STATEMENT_MS = 6_000;

/** A worker looks for entries at least this often, also when no notification comes. */
const LOOK_EVERY_S = 1;

/**
 * After an error BullMQ 6.7 waits for a notification for an hour. None comes when the connection that listens has gone unnoticed, or was lost in the moment in
 * which it began to listen.
 */
const onPostgres = withBackend<PostgresQueueBackend, PostgresConnectionOptions>((...given) =>
  restAfterFailedFetch(
    Object.defineProperty(createPostgresBackend(...given), 'maximumBlockTimeout', { value: LOOK_EVERY_S }),
  ),
);

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

/** Above this the exact number does not matter. */
const MOST_COUNTED = 100;

const WAITING = {
  name: 'waiting-bundles',
  text: `
    SELECT count(*)::int AS bundles
      FROM (SELECT FROM bullmq.job WHERE queue = $1 AND state = 'waiting' ORDER BY priority, seq LIMIT ${MOST_COUNTED}) waiting`,
};

/** Uses BullMQ's own PostgreSQL backend, in the schema `bullmq` of our database, which `migrateQueue` has made. */
export function postgresBackend(
  { logger, watch = watchForSilence() }: { logger: Logger; watch?: SilenceWatch | undefined },
  { url }: { url: string },
): Backend {
  const pool = openQueuePool({ url, logger });
  watch(pool);
  const pools = [pool];
  /** A pool for one queue or worker. BullMQ's own would know one host alone, and put its schema into a startup parameter. */
  const openPool = (): PgPool => {
    const opened = new Pool(
      postgresConfig({
        url,
        // A worker keeps one, which listens.
        max: 5,
        connectionTimeoutMillis: 3000,
        query_timeout: STATEMENT_MS,
        settings: { search_path: 'bullmq' },
      }),
    );
    // The one that listens as well: it sends nothing for as long as it works, and BullMQ would try again and again on it.
    watch(opened, { heldToo: true });
    opened.on('error', (err) => logger.debug({ err, backend: 'postgres' }, 'queue connection error'));
    pools.push(opened);
    // BullMQ describes pg's pool by the methods that it uses.
    return opened as unknown as PgPool;
  };
  const onError = errorsOf(logger);
  const ping = createQueuePing({ pool, logger }, { url });
  return {
    name: 'postgres',
    groups: [QUEUE_NAMES],
    onError,
    queue: (name) => {
      const connection = openPool();
      return queueUntilReady<BundleQueue>(() =>
        new onPostgres.Queue<Bundle>(name, { connection }).on('error', onError(name)),
      );
    },
    async oldest(name) {
      const { rows } = await pool.query<{ at: string }>({ ...OLDEST, values: [name] });
      return rows[0] === undefined ? null : Number(rows[0].at);
    },
    async waiting(name) {
      const { rows } = await pool.query<{ bundles: number }>({ ...WAITING, values: [name] });
      return rows[0]?.bundles ?? 0;
    },
    worker: (name, processor, options) => {
      const connection = openPool();
      return workerUntilReady(
        () =>
          new onPostgres.Worker<Bundle>(name, processor, { ...options, connection, autorun: false }).on(
            'error',
            onError(name),
          ),
        onError(name),
      );
    },
    ping,
    trouble: () => ping().then(() => null, queueTroubleOf),
    marks: null,
    async close() {
      // A worker that was cut off gives nothing back.
      await within(CLOSE_MS, Promise.all(pools.map((one) => one.end()))).catch(() => undefined);
    },
  };
}
