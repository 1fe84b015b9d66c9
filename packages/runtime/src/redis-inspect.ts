import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from './config.ts';
import type { Logger } from './logger.ts';
import { connectProducer } from './queue-connections.ts';
import { type QueueTrouble, queueTroubleOf } from './queue-trouble.ts';
import { createRedisCheck, ready } from './redis-check.ts';
import type { RedisClient } from './redis-client.ts';
import { type RedisFacts, readRedisFacts, refusalOf } from './redis-facts.ts';
import { createRedisReporter, redisCodeOf } from './redis-reporter.ts';
import { parseRedisUrl, type RedisTopology } from './redis-url.ts';

export type RedisInspection = {
  kind: RedisTopology['kind'];
  /** Of the server, or of each master of a Cluster; empty when it cannot be reached or does not say. */
  servers: RedisFacts[];
  /** Why it cannot be used as `REDIS_URL` says, whatever happens: the sentence for the person who wrote the URL or set up the server. */
  refusal: string | null;
  /** Why it cannot be used now. */
  trouble: QueueTrouble | null;
};

const AGAIN_AFTER_MS = 50;

const causeOf = (error: unknown): string => {
  const { message = '', lastNodeError } = (error ?? {}) as { message?: string; lastNodeError?: Error };
  return `${message} ${lastNodeError?.message ?? ''}`;
};

/** What an error says about the URL, as opposed to the state of a server. */
function refusalIn(error: unknown, kind: RedisTopology['kind']): string | null {
  if (kind === 'single' && redisCodeOf(error) === 'MOVED')
    return 'REDIS_URL names one node of a Redis Cluster. Write redis+cluster://host:port,host:port.';
  if (kind === 'cluster' && /cluster support disabled/.test(causeOf(error)))
    return 'REDIS_URL names a Redis Cluster, and the server there is none. Write redis://host:port.';
  if (kind === 'sentinel' && /unknown command/i.test(causeOf(error)))
    return 'REDIS_URL names sentinels, and the server there is none. Write redis://host:port.';
  return null;
}

/** Looks once. @throws what the server, or the connection, says. */
async function look(client: RedisClient, ping: () => Promise<void>): Promise<RedisFacts[]> {
  // A sentinel says what it is, and cannot be written to.
  await ready(client);
  const facts = await readRedisFacts(client).catch(() => []);
  if (!facts.some(({ mode }) => mode === 'sentinel')) await ping();
  return facts;
}

/** Finds out what is at the URL, within so long. It writes only the keys of the probes. */
export async function inspectRedis(
  { logger }: { logger: Logger },
  { url, withinMs }: { url: string; withinMs: number },
): Promise<RedisInspection> {
  const { kind } = parseRedisUrl(url);
  const reporter = createRedisReporter({ logger });
  const client = connectProducer({ url, reporter });
  const { ping } = createRedisCheck({ client, reporter }, { kind });
  const deadline = performance.now() + withinMs;
  try {
    for (;;) {
      try {
        const servers = await look(client, ping);
        const refusals = servers.map((facts) => refusalOf(facts, { kind }));
        return { kind, servers, refusal: refusals.find((each) => each !== null) ?? null, trouble: null };
      } catch (error) {
        const refusal = refusalIn(error, kind);
        const trouble = queueTroubleOf(error);
        // While the connection is still being opened, the first looks fail.
        if (refusal !== null || trouble !== 'queue_unreachable' || performance.now() > deadline)
          return { kind, servers: [], refusal, trouble };
      }
      await pause(AGAIN_AFTER_MS);
    }
  } finally {
    client.disconnect();
  }
}

/** A Redis that answers does so in milliseconds; for one that is away the start is not held up longer. */
const START_MS = 2_000;

/**
 * Refuses to start on a Redis that cannot carry the queues however long one waits, such as one that may remove entries. One that is away, or does
 * not know our password yet, is no reason: payments are accepted without it, and readiness and the log name it.
 *
 * @throws ConfigError with the sentence for the operator.
 */
export async function refuseUnfitRedis(
  deps: { logger: Logger },
  { redisUrl }: { redisUrl: string | undefined },
): Promise<void> {
  if (redisUrl === undefined) return;
  const { refusal, servers } = await inspectRedis(deps, { url: redisUrl, withinMs: START_MS });
  if (refusal !== null) throw new ConfigError(refusal);
  if (servers.some(({ policy }) => policy === undefined)) {
    const reason = 'it does not say its maxmemory-policy: see that it is noeviction';
    deps.logger.warn({ backend: 'redis', reason }, 'Redis could not be checked');
  }
}
