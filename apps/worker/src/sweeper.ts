import { type Database, sweepJobs } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';

const EVERY_MS = 1_000;
const LIMIT = 1_000;

/** An entry that nobody has claimed for this long is taken back. Adding it again is harmless when it was only waiting. */
const UNCLAIMED_MS = 5_000;

/** Finds work that is in nobody's hands and lets the relay feed it again. Every worker runs one; Postgres lets one at a time. */
export function startSweeper({ database, logger }: { database: Pick<Database, 'pool'>; logger: Logger }): {
  close(): Promise<void>;
} {
  let running: Promise<void> | undefined;

  async function sweep(): Promise<void> {
    try {
      const { expired, unclaimed } = await sweepJobs(database, { unclaimedMs: UNCLAIMED_MS, limit: LIMIT });
      if (expired > 0) logger.warn({ count: expired, code: 'lease_expired' }, 'swept jobs back');
      if (unclaimed > 0) logger.warn({ count: unclaimed, code: 'unclaimed' }, 'swept jobs back');
    } catch (error) {
      logger.warn({ err: error }, 'could not sweep');
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
