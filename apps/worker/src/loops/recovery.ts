import { setTimeout as pause } from 'node:timers/promises';
import { type Database, takeRecoveryTurn } from '@emr-payments/db';
import { every, type Logger } from '@emr-payments/runtime';

const INTERVAL_MS = 500;

/** Between two turns: a recovery is never urgent, and accepting payments is. */
const PAUSE_MS = 20;

/** While a recovery makes deliveries due, its turns come ten times a second, and what it has spread over that time is fed. */
const ACTIVE_PAUSE_MS = 50;
const ACTIVE_MS = 1_000;

export type RecoveryOptions = { intervalMs?: number; pauseMs?: number };

/**
 * Carries out the recoveries that clients requested, turn by turn: one short transaction at a time in each worker. Which
 * recovery is next, and how much a turn does, is decided in PostgreSQL (`packages/db/src/recovery`), so any number of workers
 * can do it, and none has to.
 *
 * @param deps.onQueued is called when deliveries were made due, and while some come due.
 */
export function startRecovery(
  { database, logger, onQueued }: { database: Pick<Database, 'pool'>; logger: Logger; onQueued: () => void },
  { intervalMs = INTERVAL_MS, pauseMs = PAUSE_MS }: RecoveryOptions = {},
): { close(): Promise<void> } {
  async function takeTurns(signal: AbortSignal): Promise<void> {
    let activeUntil = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const taken = await takeRecoveryTurn({ database });
      if (taken === null) {
        if (performance.now() > activeUntil) return;
        onQueued();
        await pause(ACTIVE_PAUSE_MS, undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (taken.queued > 0) {
        onQueued();
        activeUntil = performance.now() + ACTIVE_MS;
      }
      if (taken.state === 'done' || taken.state === 'canceled') {
        logger.info({ recovery_id: taken.recoveryId, outcome: taken.state }, 'a recovery has ended');
      }
      await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  // A turn that failed is given again after some seconds. Until then the others go on.
  const loop = every(
    {
      run: takeTurns,
      onError: (err, isNews) => isNews && logger.warn({ err }, 'could not take the turn of a recovery'),
    },
    { intervalMs },
  );
  return { close: loop.stop };
}
