import { type Database, startDueSyncs } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';

const INTERVAL_MS = 10_000;

/** Syncs that one round of one worker starts. */
const LIMIT = 20;

/** Syncs under way at once, over all workers. More would only wait, and the first ones are due again before the last has begun. */
const MOST_LIVE = 200;

/**
 * Starts the scheduled syncs that are due. The schedule is a time in each connection's row: nothing of it is in the queue, and none is lost
 * with it.
 */
export function startSyncSchedule({
  database,
  logger,
}: {
  database: Pick<Database, 'pool'>;
  logger: Logger;
}): { close(): Promise<void> } {
  async function start(): Promise<void> {
    const count = await startDueSyncs({ database }, { limit: LIMIT, mostLive: MOST_LIVE });
    if (count > 0) logger.info({ count }, 'started syncs');
  }

  const loop = every(
    { run: start, onError: (err, isNews) => isNews && logger.warn({ err }, 'could not start syncs') },
    { intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
