import { type Database, sweepJobs } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';

const EVERY_MS = 1_000;

/**
 * Jobs in one sweep: what a wiped Redis held is back in seconds. Not more, because a queue that is merely long has its
 * entries taken back and fed again to no effect.
 */
const LIMIT = 5_000;

/** An entry that nobody has claimed for this long is taken back. Adding it again is harmless when it was only waiting. */
const UNCLAIMED_MS = 5_000;

/** Finds work that is in nobody's hands and lets the relay feed it again. Every worker runs one; Postgres lets one at a time. */
export function startSweeper(deps: {
  database: Pick<Database, 'pool'>;
  logger: Logger;
  metrics: WorkerMetrics;
}): { close(): Promise<void> } {
  let running: Promise<void> | undefined;

  function tell(reason: 'lease_expired' | 'unclaimed', count: number): void {
    if (count === 0) return;
    deps.metrics.repaired({ reason, count });
    deps.logger.warn({ count, code: reason }, 'swept jobs back');
  }

  async function sweep(): Promise<void> {
    try {
      const swept = await sweepJobs({ database: deps.database }, { unclaimedMs: UNCLAIMED_MS, limit: LIMIT });
      tell('lease_expired', swept.expired);
      tell('unclaimed', swept.unclaimed);
    } catch (error) {
      deps.logger.warn({ err: error }, 'could not sweep');
    }
  }

  const timer = setInterval(() => {
    running ??= sweep().finally(() => {
      running = undefined;
    });
  }, EVERY_MS);

  return {
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}
