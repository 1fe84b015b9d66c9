import { Pool } from 'pg';
import type { Logger } from './logger.ts';
import { postgresConfig } from './postgres-client.ts';
import { isWithoutSession, WITHOUT_SESSION } from './postgres-without-session.ts';
import { probePostgresQueue, type QueueTrouble, queueTroubleOf } from './queue-trouble.ts';
import { createRedisCheck } from './redis-check.ts';
import { connectRedis, type RedisClient } from './redis-client.ts';
import { createRedisReporter, type RedisReporter } from './redis-reporter.ts';
import { parseRedisUrl } from './redis-url.ts';

/**
 * Longest wait for the answer to a producer's command, which takes a millisecond. A Redis that hangs with its socket open, such as one
 * that is frozen with its virtual machine, never answers and never closes. An entry that it takes after all is there twice, which the
 * fence makes harmless. Consumers have no such bound: their blocking commands wait as long as nothing is queued.
 */
const COMMAND_MS = 3_000;

/** A producer's command fails at once while Redis is down. */
export const connectProducer = (deps: { url: string; reporter: RedisReporter }): RedisClient =>
  connectRedis(deps, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_MS });

/** Opens one connection to the PostgreSQL of the queues, for our own statements. None is made before the first. */
export function openQueuePool({ url, logger }: { url: string; logger: Logger }): Pool {
  const pool = new Pool(postgresConfig({ url, max: 1, connectionTimeoutMillis: 3000, query_timeout: 6000 }));
  pool.on('error', (err) => logger.debug({ err, backend: 'postgres' }, 'queue connection error'));
  return pool;
}

/** An operator who reads the log of the last minutes finds it, and it fills no log. */
const SAID_EVERY_MS = 5 * 60_000;

/**
 * Makes the `ping` of a queue in PostgreSQL. When the queue gets no connection because a pooler has no session left, the log says so, once in five
 * minutes: the error does not.
 */
export function createQueuePing({ pool, logger }: { pool: Pool; logger: Logger }, { url }: { url: string }) {
  let quietUntil = 0;
  const explain = async (error: unknown): Promise<void> => {
    if (queueTroubleOf(error) !== 'queue_unreachable' || performance.now() < quietUntil) return;
    quietUntil = performance.now() + SAID_EVERY_MS;
    if (await isWithoutSession({ url }))
      logger.warn(
        { backend: 'postgres', reason: WITHOUT_SESSION },
        'the queue gets no session of PostgreSQL',
      );
    else quietUntil = 0;
  };
  return async (): Promise<void> => {
    try {
      await probePostgresQueue(pool);
    } catch (error) {
      void explain(error);
      throw error;
    }
  };
}

/** The part of the transport that a process has which puts nothing into the queue and takes nothing out. */
export type QueueProbe = {
  readonly backend: 'redis' | 'postgres';
  /** Writes to the queue as an entry does. Rejects when that fails: `queueTroubleOf` names what the error means. */
  ping(): Promise<void>;
  /** Names what is wrong with the queue, also what lets entries through for now; null when nothing is. */
  trouble(): Promise<QueueTrouble | null>;
  close(): Promise<void>;
};

/**
 * Opens what the readiness of a process needs of the queues: a connection, without BullMQ, which takes 15 MB of the memory of a
 * process (docs/performance-notes.md).
 */
export function openQueueProbe(
  { logger }: { logger: Logger },
  { redisUrl, databaseUrl }: { redisUrl?: string | undefined; databaseUrl: string },
): QueueProbe {
  if (redisUrl === undefined) {
    const pool = openQueuePool({ url: databaseUrl, logger });
    const ping = createQueuePing({ pool, logger }, { url: databaseUrl });
    return {
      backend: 'postgres',
      ping,
      trouble: () => ping().then(() => null, queueTroubleOf),
      close: () => pool.end(),
    };
  }
  const reporter = createRedisReporter({ logger });
  const client = connectProducer({ url: redisUrl, reporter });
  const check = createRedisCheck({ client, reporter }, parseRedisUrl(redisUrl));
  return { backend: 'redis', ...check, close: async () => client.disconnect() };
}
