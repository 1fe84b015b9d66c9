import { setTimeout as pause } from 'node:timers/promises';
import { createLineageGuard, type Database, type LineageDecision, type LineageGuard } from '@emr-payments/db';
import { every, type Logger, type Marks, within } from '@emr-payments/runtime';

const INTERVAL_MS = 1_000;
const AGAIN_AFTER_MS = 500;

/** Longest wait for Redis. */
const MARKS_MS = 2_000;

/**
 * Longest wait of a worker that starts during a failover for one that was there before: that one knows whether anything is missing, and comes to the new
 * server within seconds, also when it has to give up a connection to the old one first.
 */
const OTHERS_MS = 10_000;

/** The guard of a worker, which logs what changes. */
export function openLineageGuard({ logger }: { logger: Logger }): LineageGuard {
  let last: LineageDecision['decision'] = 'go_on';
  const report = ({ decision, ...rest }: LineageDecision): void => {
    const inDoubt = (one: typeof decision) => one === 'doubt' || one === 'in_doubt';
    if (inDoubt(decision) && !inDoubt(last)) {
      const code = 'doubt' in rest ? rest.doubt : decision;
      logger.error(
        { code },
        "the database may have lost commits: nothing is posted until an operator has decided ('emr-payments hold status' says how)",
      );
    }
    if (!inDoubt(decision) && inDoubt(last))
      logger.warn({}, 'an operator has decided about the lost commits');
    if (decision === 'adopt')
      logger.info(
        {},
        'another server or timeline of PostgreSQL, or a load from a dump, which has lost nothing',
      );
    last = decision;
  };
  return createLineageGuard({ report });
}

type Deps = { database: Pick<Database, 'pool'>; guard: LineageGuard; marks: Marks | null; logger: Logger };

/**
 * Waits until the guard has checked the database. Redis is waited for too, because its witness may be the only one; without it nothing
 * would be posted anyway.
 *
 * @returns false when the process is stopped before that.
 */
export async function waitForLineage(
  { database, guard, marks, logger }: Deps,
  { stopping, othersMs = OTHERS_MS }: { stopping: AbortSignal; othersMs?: number },
): Promise<boolean> {
  const witnessOf = (installation: string) =>
    marks === null ? Promise.resolve(null) : within(MARKS_MS, marks.read(installation));
  let said = false;
  let waitsSince: number | undefined;
  while (!stopping.aborted) {
    try {
      const mayWait = performance.now() - (waitsSince ?? performance.now()) < othersMs;
      if (await guard.begin({ database }, { witnessOf, mayWait })) return true;
      waitsSince ??= performance.now();
    } catch (err) {
      if (!said)
        logger.warn(
          { err },
          'cannot check yet whether the database has lost commits; nothing is posted until then',
        );
      said = true;
    }
    await pause(AGAIN_AFTER_MS, undefined, { signal: stopping }).catch(() => undefined);
  }
  return false;
}

/** Checks the database and raises its mark once a second; what Redis does not take now it gets a second later. */
export function startLineage({ database, guard, marks, logger }: Deps): { close(): Promise<void> } {
  async function advance(): Promise<void> {
    const advanced = await guard.advance({ database });
    if (advanced === null || marks === null) return;
    await within(MARKS_MS, marks.raise(advanced.installation, advanced.mark)).catch(() => undefined);
  }
  const onError = (err: unknown, isNews: boolean) =>
    isNews && logger.warn({ err }, 'could not raise the mark of the database, and keeps trying');
  const loop = every({ run: advance, onError }, { intervalMs: INTERVAL_MS, firstAfterMs: 0 });
  return { close: loop.stop };
}
