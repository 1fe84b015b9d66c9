import { setTimeout as pause } from 'node:timers/promises';
import { APPLICATION_NAME, amongThree, openSession } from './session.ts';
import type { MigrationDeps, Report } from './waits.ts';

/** `mig` in ASCII: one process migrates at a time, however many start together. */
const MIGRATION_LOCK = 0x6d6967;

/** Prisma's engine takes this one on a connection of its own, and waits for it without a word. */
const ENGINE_LOCK = 72_707_369;

const AGAIN_AFTER_MS = 250;

const TAKE = 'SELECT pg_try_advisory_lock($1) AS taken';
const HOLDER = `
SELECT format('pid %s (role %s) for %s s', a.pid, a.usename, coalesce(round(extract(epoch FROM clock_timestamp() - a.backend_start))::text, '?')) AS holder,
       a.pid
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = ANY ($1) AND l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
 ORDER BY l.objid LIMIT 1`;

/** Waits until no other process migrates, and says for which one. Of one whose session was ended while it is frozen, the engine's may be left. */
async function waitForTurn({ session, report }: MigrationDeps): Promise<void> {
  let taken = false;
  let said: number | undefined;
  for (;;) {
    if (!taken) {
      const { rows } = await session.query<{ taken: boolean }>(TAKE, [MIGRATION_LOCK]);
      taken = rows[0]?.taken === true;
    }
    const holders = await session.query<{ holder: string; pid: number }>(HOLDER, [
      [MIGRATION_LOCK, ENGINE_LOCK],
    ]);
    const [other] = holders.rows;
    if (taken && other === undefined) return;
    if (other !== undefined && other.pid !== said) {
      said = other.pid;
      report(`another process migrates, ${other.holder}; this one waits for it`);
    }
    await pause(AGAIN_AFTER_MS);
  }
}

/** The person or the system that runs a migration has stopped it. What was applied before stays. */
export class StoppedError extends Error {
  override name = 'StoppedError';
}

/** Long enough for the server to undo what the session did. */
const END_MS = 5_000;

/**
 * Ends the session of the migrations on the server, and waits for that. Its connection is then lost, so no further statement can begin; to cancel the
 * running one would miss the moments between two statements.
 */
export const endSession = ({ watcher, pid }: MigrationDeps): Promise<unknown> =>
  watcher.query('SELECT pg_terminate_backend($1, $2)', [pid, END_MS]);

/**
 * Opens the two connections of a migration, and does the work as the only process that migrates this database. The lock is on the
 * connection that runs the migrations: one that is lost ends both.
 *
 * @param input.signal stops it: the session that does the work is ended on the server, which rolls back its transaction.
 */
export async function inTurn<T>(
  { report }: { report: Report },
  { url, signal }: { url: string; signal?: AbortSignal | undefined },
  work: (deps: MigrationDeps) => Promise<T>,
): Promise<T> {
  const session = await openSession({ url, applicationName: APPLICATION_NAME });
  try {
    const watcher = await amongThree(openSession({ url, applicationName: `${APPLICATION_NAME} watch` }));
    try {
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const deps = { session, pid: rows[0]?.pid ?? 0, watcher, report };
      const stop = () => void endSession(deps).catch(() => undefined);
      signal?.addEventListener('abort', stop, { once: true });
      try {
        signal?.throwIfAborted();
        await waitForTurn(deps);
        return await work(deps);
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    } finally {
      await watcher.end();
    }
  } finally {
    await session.end();
  }
}
