import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';

/** Gets one line, without its line end, to show to the person who migrates. */
export type Report = (line: string) => void;

/** Two connections of the role that migrates: `session` runs the statements, in the server process `pid`; `watcher` sees what they wait for. */
export type MigrationDeps = { session: Client; pid: number; watcher: Client; report: Report };

/** A lock was not free in time. Nothing has changed, except that an index may be unfinished; the next try makes it again. */
export class LockWaitError extends Error {
  override name = 'LockWaitError';
}

const LOOK_EVERY_MS = 100;

/** How often a wait that goes on is reported. */
const REPORT_EVERY_MS = 10_000;

/** No text of a query: it can hold values of rows. The ages are missing where the owner may not read the statistics of other roles. */
const HOLDERS = `
SELECT format('pid %s (%s)', a.pid, concat_ws(', ', 'role ' || a.usename, coalesce(nullif(a.application_name, ''), a.backend_type),
              'in a transaction for ' || round(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s',
              'last statement begun ' || round(extract(epoch FROM clock_timestamp() - a.query_start)) || ' s ago')) AS holder,
       (SELECT w.relation::regclass::text FROM pg_locks w WHERE w.pid = $1 AND NOT w.granted AND w.relation IS NOT NULL LIMIT 1) AS "table"
  FROM pg_stat_activity a WHERE a.pid = ANY (pg_blocking_pids($1))
 ORDER BY a.xact_start NULLS LAST LIMIT 5`;

/** Returns in words what the session waits for now, and who has it. */
async function holdersOf({ watcher, pid }: MigrationDeps): Promise<string | undefined> {
  const { rows } = await watcher.query<{ holder: string; table: string | null }>(HOLDERS, [pid]);
  const [first] = rows;
  if (first === undefined) return undefined;
  return `${first.table === null ? '' : `${first.table}, `}held by ${rows.map(({ holder }) => holder).join(' and ')}`;
}

export type Watch = {
  /** Who kept the session waiting when that was last seen. */
  holders(): string;
  /** True when its statement was canceled because it had waited for `giveUpAfterMs`. */
  gaveUp(): boolean;
};

/**
 * Watches what the session's statements wait for, and reports it: at once, and every ten seconds.
 *
 * @param input.giveUpAfterMs a statement that has waited so long without a break is canceled.
 */
export async function watching<T>(
  deps: MigrationDeps,
  { what, giveUpAfterMs = Number.POSITIVE_INFINITY }: { what: string; giveUpAfterMs?: number },
  work: (watch: Watch) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  let last = 'held by somebody who was gone at once';
  let since: number | undefined;
  let reportedAt = Number.NEGATIVE_INFINITY;
  let gaveUp = false;

  async function look(): Promise<void> {
    const holders = await holdersOf(deps);
    if (holders === undefined) {
      since = undefined;
      return;
    }
    last = holders;
    const now = performance.now();
    since ??= now;
    if (now - since > giveUpAfterMs && !gaveUp) {
      gaveUp = true;
      await deps.watcher.query('SELECT pg_cancel_backend($1)', [deps.pid]);
    }
    if (now - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = now;
    deps.report(`${what} waits for ${holders}`);
  }

  const looking = (async () => {
    while (!ended.signal.aborted) {
      await look();
      await pause(LOOK_EVERY_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    }
    // Waits are then not reported, which is no reason to stop the work.
  })().catch(() => undefined);
  try {
    return await work({ holders: () => last, gaveUp: () => gaveUp });
  } finally {
    ended.abort();
    await looking;
  }
}

/**
 * Runs statements that may wait for others, one after the other, without keeping anybody from writing meanwhile.
 *
 * @throws LockWaitError when one of them has waited for `waitMs`, with who it waited for.
 */
export function waitingAtMost<T>(
  deps: MigrationDeps,
  { what, waitMs }: { what: string; waitMs: number },
  work: () => Promise<T>,
): Promise<T> {
  return watching(deps, { what, giveUpAfterMs: waitMs }, async (watch) => {
    try {
      return await work();
    } catch (error) {
      if (!watch.gaveUp()) throw error;
      const waited = `${what} has waited for ${Math.round(waitMs / 1000)} s`;
      throw new LockWaitError(`${waited}: ${watch.holders()}. End that, and migrate again.`, {
        cause: error,
      });
    }
  });
}
