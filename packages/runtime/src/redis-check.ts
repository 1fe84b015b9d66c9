import { once } from 'node:events';
import type { QueueName } from './queue-backend.ts';
import { type QueueTrouble, queueTroubleOf } from './queue-trouble.ts';
import type { RedisClient } from './redis-client.ts';
import { mayEvict, readRedisFacts } from './redis-facts.ts';
import { probesOf } from './redis-keys.ts';
import type { RedisReporter } from './redis-reporter.ts';
import type { RedisTopology } from './redis-url.ts';

const CONNECT_MS = 1_000;

/**
 * Does in one script what BullMQ does with every entry: write a key of a slot of ours. `PING` would be answered by a replica, by a node
 * of a cluster that owns none of our keys, and by a server whose memory is full.
 */
const WRITE_KEY = `return redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])`;
const KEPT_MS = 60_000;

/** How often the policy is read again: it changes by hand only. */
const LOOK_AGAIN_MS = 10_000;

/** Waits for a connection that is being opened. @throws the error that ended it, or an AbortError after a second. */
export async function ready(client: RedisClient): Promise<void> {
  if (client.status !== 'ready') await once(client, 'ready', { signal: AbortSignal.timeout(CONNECT_MS) });
}

export type RedisCheck = {
  /**
   * Writes to the server of this queue, or to those of all.
   *
   * @throws the error of Redis, or of the connection; in a Cluster, of the first queue that cannot be written to.
   */
  ping(queue?: QueueName): Promise<void>;
  /** Names what is wrong, also what lets entries through for now; null when nothing is. */
  trouble(): Promise<QueueTrouble | null>;
};

export function createRedisCheck(
  { client: redis, reporter }: { client: RedisClient; reporter: RedisReporter },
  { kind }: { kind: RedisTopology['kind'] },
): RedisCheck {
  const probes = probesOf(kind);
  let evicts = false;
  let lookedAt = Number.NEGATIVE_INFINITY;

  async function ping(only?: QueueName): Promise<void> {
    // At the start and after an outage the connection needs a moment; that does not count as down yet.
    await ready(redis);
    const results = await Promise.allSettled(
      probes.map(async ({ key, queue }) => {
        if (only !== undefined && queue !== undefined && queue !== only) return;
        try {
          await redis.eval(WRITE_KEY, 1, key, '1', KEPT_MS);
        } catch (error) {
          reporter.report(error, queue);
          throw error;
        }
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async function lookAtPolicy(): Promise<void> {
    if (performance.now() - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = performance.now();
    evicts = (await readRedisFacts(redis)).some(mayEvict);
  }

  return {
    ping,
    async trouble() {
      try {
        await ping();
        await lookAtPolicy();
        return evicts ? 'queue_evicts' : null;
      } catch (error) {
        return queueTroubleOf(error);
      }
    },
  };
}
