import { setTimeout as pause } from 'node:timers/promises';
import type { DatabaseCheck } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';

const AGAIN_AFTER_MS = 500;

/**
 * Waits until PostgreSQL has the schema that this version needs. A worker on an older schema would fail at every payment, and
 * each failure to record an outcome counts towards `needs_review`. It waits instead of ending: a supervisor that restarts it would only see
 * it end again.
 *
 * @returns false when the process is stopped before that.
 */
export async function waitForSchema(
  { check, logger }: { check: Pick<DatabaseCheck, 'trouble'>; logger: Logger },
  { stopping }: { stopping: AbortSignal },
): Promise<boolean> {
  let said: string | undefined;
  while (!stopping.aborted) {
    const trouble = await check.trouble();
    if (trouble === null) return true;
    if (said !== trouble)
      logger.warn({ code: trouble }, 'waiting for the database; nothing is posted until it can be used');
    said = trouble;
    await pause(AGAIN_AFTER_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
  return false;
}
