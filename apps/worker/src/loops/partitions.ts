import { type Database, makePartitions } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';

const INTERVAL_MS = 60 * 60_000;

/** Time for people to notice that partitions are not made any more. After that new rows go to the default partitions. */
const LEAST_AHEAD_DAYS = 14;

/** @returns for how many days from now on there have to be partitions of this width: two, and two weeks. */
export const aheadDays = (widthDays: number): number => Math.max(2 * widthDays, LEAST_AHEAD_DAYS);

export type PartitionsOptions = {
  /** Days of one partition. */
  widthDays: number;
  intervalMs?: number;
};

/** Makes partitions ahead, at the start and every hour. A lock in PostgreSQL lets one worker do it at a time. */
export function startPartitions(
  {
    database,
    logger,
    metrics,
  }: {
    database: Pick<Database, 'pool'>;
    logger: Logger;
    metrics: Pick<WorkerMetrics, 'partitionFailure'>;
  },
  { widthDays, intervalMs = INTERVAL_MS }: PartitionsOptions,
): { close(): Promise<void> } {
  async function make(): Promise<void> {
    const { made, refused } = await makePartitions(
      { database },
      { widthDays, aheadDays: aheadDays(widthDays) },
    );
    for (const code of made) logger.info({ code }, 'made a partition');
    const [first] = refused;
    if (first === undefined) return;
    throw new Error(`not made: those of ${refused.map(({ table }) => table).join(', ')}`, {
      cause: first.error,
    });
  }

  const loop = every(
    {
      run: make,
      onError(err, isNews) {
        metrics.partitionFailure({ what: 'make' });
        if (isNews) logger.error({ err }, 'could not make partitions');
      },
    },
    { firstAfterMs: 0, intervalMs },
  );
  return { close: loop.stop };
}
