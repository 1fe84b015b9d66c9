import type { Database } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';
import type { JobSteps } from '../steps.ts';

const INTERVAL_MS = 1_000;

/**
 * The most jobs that one sweep takes back. High enough that the contents of a wiped Redis are queued again within seconds;
 * not higher, because a queue that is merely long has its entries taken back and fed again to no effect.
 */
const LIMIT = 5_000;

/** An entry that no worker has claimed for this long is taken back. Adding it again is harmless if it was only waiting. */
const UNCLAIMED_MS = 5_000;

/**
 * Takes back jobs that were handed to the queue and that no worker holds, so that the relay feeds them again. Every worker
 * runs a sweeper; a lock in Postgres lets one sweep at a time.
 */
export function startSweeper(deps: {
  database: Pick<Database, 'pool'>;
  steps: Pick<JobSteps, 'sweepJobs'>;
  logger: Logger;
  metrics: WorkerMetrics;
}): { close(): Promise<void> } {
  function record(reason: 'lease_expired' | 'unclaimed', count: number): void {
    if (count === 0) return;
    deps.metrics.repaired({ reason, count });
    deps.logger.warn({ count, code: reason }, 'took back jobs that no worker holds');
  }

  async function sweep(): Promise<void> {
    const swept = await deps.steps.sweepJobs(
      { database: deps.database },
      { unclaimedMs: UNCLAIMED_MS, limit: LIMIT },
    );
    record('lease_expired', swept.expired);
    record('unclaimed', swept.unclaimed);
  }

  const loop = every(
    { run: sweep, onError: (err) => deps.logger.warn({ err }, 'could not sweep') },
    { intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
