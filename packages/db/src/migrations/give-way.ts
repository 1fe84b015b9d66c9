import { setTimeout as pause } from 'node:timers/promises';
import { LockWaitError, type MigrationDeps, watching } from './waits.ts';

/**
 * For so long one try waits for a lock. Whatever needs the table meanwhile waits behind it, so it is short. It is also shorter than
 * `deadlock_timeout` (1 s): the migration gives up before the server looks for a deadlock, and no statement of the service is ever ended for it.
 */
const TRY_MS = 400;

/** Between two tries the statements of the service run. */
const PAUSE_MS = 1_000;

const NOT_NOW = new Set(['55P03', '40P01']);

/**
 * Runs `work`, which must be one transaction, and runs it again as long as its locks are not free: in all for `waitMs`.
 *
 * @throws LockWaitError with who has the lock.
 */
export async function givingWay(
  deps: MigrationDeps,
  { what, waitMs }: { what: string; waitMs: number },
  work: () => Promise<unknown>,
): Promise<void> {
  const until = performance.now() + waitMs;
  await watching(deps, { what }, async (watch) => {
    for (;;) {
      try {
        await deps.session.query(`SET lock_timeout = ${TRY_MS}`);
        await work();
        return;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === undefined || !NOT_NOW.has(code)) throw error;
        if (performance.now() > until)
          throw new LockWaitError(
            `${what} found its locks taken for ${Math.round(waitMs / 1000)} s: ${watch.holders()}. Nothing was changed; end that, and migrate again.`,
            { cause: error },
          );
      } finally {
        await deps.session.query('SET lock_timeout = 0').catch(() => undefined);
      }
      await pause(PAUSE_MS * (1 + Math.random()));
    }
  });
}
