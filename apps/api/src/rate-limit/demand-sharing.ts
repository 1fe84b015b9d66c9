import { randomUUID } from 'node:crypto';
import { forgetDemand, type Statements, shareDemand } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';
import type { RateLimiter } from './rate-limiter.ts';

const EVERY_MS = 1000;
/** In rounds: about a minute. */
const FORGET_EVERY = 60;
/** Its demand is 1 in every process that is asked for anything: the sum counts them. */
const PROCESS_KEY = 'process';

export type DemandSharing = {
  /** One round, for tests; the timer does it each second. */
  round(): Promise<void>;
  close(): Promise<void>;
};

/**
 * Tells the other API processes once a second what this one is asked for, and its limiter what they are. Beside the
 * requests: none waits for it. A process that nobody asks says nothing. While PostgreSQL is down the shares stay as they are.
 */
export function startDemandSharing(deps: {
  database: Statements;
  limiter: RateLimiter;
  logger: Logger;
}): DemandSharing {
  const process = randomUUID();
  let rounds = 0;
  let closed = false;
  let running: Promise<void> = Promise.resolve();

  const round = async (): Promise<void> => {
    const demands = deps.limiter.readDemands();
    if (demands.length === 0) return;
    const all = [...demands, { key: PROCESS_KEY, demand: 1 }];
    try {
      const others = await shareDemand(deps, { process, demands: all });
      const byKey = new Map(demands.map(({ key }, index) => [key, others[index] ?? 0]));
      deps.limiter.learn(byKey, 1 + (others.at(-1) ?? 0));
      rounds += 1;
      if (rounds % FORGET_EVERY === 0) await forgetDemand(deps);
    } catch (error) {
      deps.logger.debug({ err: error }, 'rate limits could not be shared');
    }
  };

  let timer: NodeJS.Timeout;
  const plan = (): void => {
    timer = setTimeout(() => {
      running = round().then(() => {
        if (!closed) plan();
      });
    }, EVERY_MS);
    timer.unref();
  };
  plan();

  return {
    round,
    async close() {
      closed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
