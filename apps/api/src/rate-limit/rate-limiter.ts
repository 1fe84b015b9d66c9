/*
 * By hand: @fastify/rate-limit counts for each process alone, or in Redis at one round trip per request. This one shares a
 * limit between processes without a wait (README.md).
 */
import { type Bucket, newBucket, refill, secondsUntilNext, shareOf } from './token-buckets.ts';

/** The author of a request; `userId` is null for a request of the client itself. */
export type Taker = { clientPk: number; userId: number | null };

export type Taken =
  | { outcome: 'passed'; remaining: string }
  /** `limit` is the exceeded limit in words, for the sentence. */
  | { outcome: 'refused'; remaining: string; limit: string; retryAfterSeconds: number };

/** Requests per second for each client and each user; 0 means no limit. */
export type RateLimits = { clientPerSecond: number; userPerSecond: number };

export type RateLimiter = {
  /** Value of the header `RateLimit-Policy`; null when there is no limit at all. */
  readonly policy: string | null;
  /** Counts one request, in memory and without a wait. */
  take(taker: Taker): Taken;
  /** Reads the demand on this process since the last call, in requests per second, for the other processes. */
  readDemands(): { key: string; demand: number }[];
  /** Takes over the demand on the other processes, by key, and the number of all processes. */
  learn(others: ReadonlyMap<string, number>, processes: number): void;
};

type Kind = 'client' | 'user';

/** A bucket without requests for this time is full, hence equal to a new one, and can be dropped. */
const IDLE_MS = 10_000;

/**
 * Limits requests per client and per user; each request has to pass both. This process lets through its share of each
 * limit among all processes (README.md).
 *
 * @param now milliseconds of a clock that only grows.
 */
export function createRateLimiter(
  { clientPerSecond, userPerSecond }: RateLimits,
  now: () => number = () => performance.now(),
): RateLimiter {
  const limits: Record<Kind, number> = { client: clientPerSecond, user: userPerSecond };
  const buckets: Record<Kind, Map<number, Bucket>> = { client: new Map(), user: new Map() };
  const demands = new Map<string, number>();
  let processes = 1;
  let readAt = now();

  const bucketOf = (kind: Kind, id: number | null, time: number): Bucket | null => {
    if (id === null || limits[kind] === 0) return null;
    let bucket = buckets[kind].get(id);
    if (bucket === undefined) {
      bucket = newBucket(limits[kind] / processes, time);
      buckets[kind].set(id, bucket);
    } else refill(bucket, time);
    bucket.demand += 1;
    return bucket;
  };
  const refused = (kind: Kind, bucket: Bucket, remaining: string): Taken => ({
    outcome: 'refused',
    remaining,
    limit: `at most ${limits[kind]} a second for each ${kind}`,
    retryAfterSeconds: secondsUntilNext(bucket),
  });
  const policies = (Object.keys(limits) as Kind[]).filter((kind) => limits[kind] > 0);

  return {
    policy:
      policies.length === 0 ? null : policies.map((kind) => `"${kind}";q=${limits[kind]};w=1`).join(', '),

    take({ clientPk, userId }) {
      const time = now();
      const client = bucketOf('client', clientPk, time);
      const user = bucketOf('user', userId, time);
      const pass = (client === null || client.tokens >= 1) && (user === null || user.tokens >= 1);
      if (pass && client !== null) client.tokens -= 1;
      if (pass && user !== null) user.tokens -= 1;
      const remaining = remainingOf(client, user);
      if (pass) return { outcome: 'passed', remaining };
      return user !== null && user.tokens < 1
        ? refused('user', user, remaining)
        : refused('client', client ?? newBucket(1, time), remaining);
    },

    readDemands() {
      const time = now();
      const seconds = Math.max((time - readAt) / 1000, 0.001);
      readAt = time;
      demands.clear();
      for (const kind of policies) {
        for (const [id, bucket] of buckets[kind]) {
          if (bucket.demand > 0) demands.set(`${kind}:${id}`, Math.ceil(bucket.demand / seconds));
          else if (time - bucket.at > IDLE_MS) buckets[kind].delete(id);
          bucket.demand = 0;
        }
      }
      return [...demands].map(([key, demand]) => ({ key, demand }));
    },

    learn(others, count) {
      processes = count;
      const time = now();
      for (const [key, asked] of others) {
        const [kind, id] = key.split(':') as [Kind, string];
        const bucket = buckets[kind].get(Number(id));
        if (bucket === undefined) continue;
        refill(bucket, time);
        bucket.share = shareOf({
          limit: limits[kind],
          own: demands.get(key) ?? 0,
          others: asked,
          processes,
        });
      }
    },
  };
}

/** Writes the header `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10): the rest of this process' share, for one second. */
function remainingOf(client: Bucket | null, user: Bucket | null): string {
  const c = client === null ? '' : `"client";r=${Math.max(0, Math.floor(client.tokens))};t=1`;
  const u = user === null ? '' : `"user";r=${Math.max(0, Math.floor(user.tokens))};t=1`;
  return c !== '' && u !== '' ? `${c}, ${u}` : c + u;
}
