import { Redis } from 'ioredis';
import { Pool } from 'pg';
import type { Logger } from './logger.ts';
import { postgresConfig } from './postgres-client.ts';
import { probePostgresQueue, probeRedis } from './queue-trouble.ts';

/** All keys of the queues begin with it: in a cluster of Redis they are in one slot. */
export const PREFIX = '{emr-payments}';
const PROBE_KEY = `${PREFIX}:probe`;

const retryStrategy = (times: number) => Math.min(times * 100, 1000);

/** After a fail-over behind a fixed address, a connection that stayed open leads to the former master: a new one does not. */
const reconnectOnError = (error: Error) => /\bREADONLY\b/.test(error.message);

/** Connects to the Redis of the queues, and again whenever the connection is lost. */
export const connectRedis = (
  { url, logger }: { url: string; logger: Logger },
  options: { maxRetriesPerRequest: number | null; enableOfflineQueue?: boolean; commandTimeout?: number },
): Redis =>
  new Redis(url, { retryStrategy, reconnectOnError, ...options }).on('error', (err) =>
    logger.debug({ err, backend: 'redis' }, 'queue connection error'),
  );

/**
 * Longest wait for the answer to a producer's command, which takes a millisecond. A Redis that hangs with its socket open, such as one
 * that is frozen with its virtual machine, never answers and never closes. An entry that it takes after all is there twice, which the
 * fence makes harmless. Consumers have no such bound: their blocking commands wait as long as nothing is queued.
 */
const COMMAND_MS = 3_000;

/** A producer's command fails at once while Redis is down. */
export const connectProducer = (deps: { url: string; logger: Logger }): Redis =>
  connectRedis(deps, { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: COMMAND_MS });

/** Writes a key of our slot, as BullMQ does with every entry. */
export const probeKey = (redis: Redis): Promise<void> => probeRedis(redis, { key: PROBE_KEY });

/** Opens one connection to the PostgreSQL of the queues, for our own statements. None is made before the first. */
export function openQueuePool({ url, logger }: { url: string; logger: Logger }): Pool {
  const pool = new Pool(postgresConfig({ url, max: 1, connectionTimeoutMillis: 3000, query_timeout: 6000 }));
  pool.on('error', (err) => logger.debug({ err, backend: 'postgres' }, 'queue connection error'));
  return pool;
}

/** The part of the transport that a process has which puts nothing into the queue and takes nothing out. */
export type QueueProbe = {
  readonly backend: 'redis' | 'postgres';
  /** Writes to the queue as an entry does. Rejects when that fails: `queueTroubleOf` names what the error means. */
  ping(): Promise<void>;
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
    return { backend: 'postgres', ping: () => probePostgresQueue(pool), close: () => pool.end() };
  }
  const redis = connectProducer({ url: redisUrl, logger });
  return {
    backend: 'redis',
    ping: () => probeKey(redis),
    close: async () => redis.disconnect(),
  };
}
