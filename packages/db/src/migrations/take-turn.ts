import { setTimeout as pause } from 'node:timers/promises';
import { APPLICATION_NAME, openSession } from './session.ts';
import type { MigrationDeps, Report } from './waits.ts';

/** `mig` in ASCII: one process migrates at a time, however many start together. */
const MIGRATION_LOCK = 0x6d6967;

const AGAIN_AFTER_MS = 250;

const TAKE = 'SELECT pg_try_advisory_lock($1) AS taken';
const HOLDER = `
SELECT format('pid %s (role %s) for %s s', a.pid, a.usename, coalesce(round(extract(epoch FROM clock_timestamp() - a.backend_start))::text, '?')) AS holder
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
 WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = $1 AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

async function waitForTurn({ session, report }: MigrationDeps): Promise<void> {
  for (let said = false; ; ) {
    const { rows } = await session.query<{ taken: boolean }>(TAKE, [MIGRATION_LOCK]);
    if (rows[0]?.taken === true) return;
    const holders = await session.query<{ holder: string }>(HOLDER, [MIGRATION_LOCK]);
    const [holder] = holders.rows;
    if (!said && holder !== undefined) {
      said = true;
      report(`another process migrates, ${holder.holder}; this one waits for it`);
    }
    await pause(AGAIN_AFTER_MS);
  }
}

/**
 * Opens the two connections of a migration, and does the work as the only process that migrates this database. The lock is on the
 * connection that runs the migrations: one that is lost ends both.
 */
export async function inTurn<T>(
  { report }: { report: Report },
  { url }: { url: string },
  work: (deps: MigrationDeps) => Promise<T>,
): Promise<T> {
  const session = await openSession({ url, applicationName: APPLICATION_NAME });
  try {
    const watcher = await openSession({ url, applicationName: `${APPLICATION_NAME} watch` });
    try {
      const { rows } = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const deps = { session, pid: rows[0]?.pid ?? 0, watcher, report };
      await waitForTurn(deps);
      return await work(deps);
    } finally {
      await watcher.end();
    }
  } finally {
    await session.end();
  }
}
