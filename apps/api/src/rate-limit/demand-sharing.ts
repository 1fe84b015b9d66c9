import { randomUUID } from 'node:crypto';
import { forgetDemand, type Statements, shareDemand } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';
import type { RateLimiter } from './rate-limiter.ts';

const INTERVAL_MS = 1000;
/** In rounds: about a minute. */
const FORGET_EVERY = 60;
/** The key under which each process with any demand reports a demand of 1: the sum is the number of such processes. */
const PROCESS_KEY = 'process';

export type DemandSharing = {
  /** One exchange, for tests; the loop makes one each second. @throws when PostgreSQL does not answer. */
  round(): Promise<void>;
  close(): Promise<void>;
};

/**
 * Exchanges the demand on this process (requests a second, by rate limit) with the other API processes once a second, and
 * passes theirs to the limiter. No request waits for it. A process without requests reports nothing. While PostgreSQL is
 * down the shares stay as they are.
 */
export function startDemandSharing(deps: {
  database: Statements;
  limiter: RateLimiter;
  logger: Logger;
}): DemandSharing {
  const process = randomUUID();
  let rounds = 0;

  async function round(): Promise<void> {
    const demands = deps.limiter.readDemands();
    if (demands.length === 0) return;
    const all = [...demands, { key: PROCESS_KEY, demand: 1 }];
    const others = await shareDemand(deps, { process, demands: all });
    const byKey = new Map(demands.map(({ key }, index) => [key, others[index] ?? 0]));
    deps.limiter.learn(byKey, 1 + (others.at(-1) ?? 0));
    rounds += 1;
    if (rounds % FORGET_EVERY === 0) await forgetDemand(deps);
  }

  const loop = every(
    { run: round, onError: (err) => deps.logger.debug({ err }, 'rate limits could not be shared') },
    { intervalMs: INTERVAL_MS },
  );
  return { round, close: loop.stop };
}
