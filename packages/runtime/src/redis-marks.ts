import type { Marks } from './queue-backend.ts';
import { ready } from './redis-check.ts';
import type { RedisClient } from './redis-client.ts';

/** Keeps the marks in a sorted set, whose scores `GT` only ever raises. A mark is far below 2^53. */
export function redisMarks({ client }: { client: RedisClient }, { key }: { key: string }): Marks {
  return {
    async read(installation) {
      await ready(client);
      const score = await client.zscore(key, installation);
      const mark = Number(score ?? Number.NaN);
      // No worker has written any other score, and PostgreSQL could not keep it.
      return Number.isSafeInteger(mark) ? mark : null;
    },
    async raise(installation, mark) {
      await ready(client);
      await client.zadd(key, 'GT', mark, installation);
    },
  };
}
