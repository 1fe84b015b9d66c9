import { type ClientBase, escapeLiteral } from 'pg';
import {
  type ConcurrentIndex,
  isValidIndex,
  readConcurrentIndex,
  withoutComments,
} from './concurrent-index.ts';
import type { MigrationDeps } from './waits.ts';

type Session = Pick<ClientBase, 'query'>;

/**
 * Stands in the column `logs` of a migration from its beginning until its end. With an error of the server Prisma replaces it by that. So where it is
 * still found, the process or its connection was ended; and since a migration that is one transaction records its end within that transaction,
 * one without an end was rolled back. Rows that earlier versions have left do not have it: theirs may have been committed.
 */
const UNDER_WAY = 'under way; if it does not end, the next migrate finds out what became of it and goes on';

const UNFINISHED = 'finished_at IS NULL AND rolled_back_at IS NULL';

/** Records that the migration begins now. */
export const recordBegin = (session: Session, name: string): Promise<unknown> =>
  session.query(`UPDATE _prisma_migrations SET logs = $2 WHERE migration_name = $1 AND ${UNFINISHED}`, [
    name,
    UNDER_WAY,
  ]);

/** Records why the migration failed. The engine's own error, which is there already, does not have the server's. */
export const recordFailure = (session: Session, name: string, reason: string): Promise<unknown> =>
  session.query(`UPDATE _prisma_migrations SET logs = $2 WHERE migration_name = $1 AND ${UNFINISHED}`, [
    name,
    reason,
  ]);

/** Returns the script with a statement that records its end: sent as one message, both are committed, or neither. */
export const recordingItsEnd = (script: string, name: string): string =>
  `${script}
;UPDATE _prisma_migrations SET finished_at = clock_timestamp(), logs = NULL WHERE migration_name = ${escapeLiteral(name)} AND ${UNFINISHED}`;

export type Interrupted = { name: string; became: 'applied' | 'rolled-back' };

const END = { applied: 'finished_at', 'rolled-back': 'rolled_back_at' } as const;

/**
 * Records what became of a migration that was interrupted, when no process runs it any more. An index that is made concurrently is either complete, or
 * it is made again.
 *
 * @returns undefined when its end is recorded already.
 */
export async function settleInterrupted(
  session: Session,
  { name, index }: { name: string; index: ConcurrentIndex | undefined },
): Promise<Interrupted | undefined> {
  const became = index !== undefined && (await isValidIndex(session, index)) ? 'applied' : 'rolled-back';
  const { rowCount } = await session.query(
    `UPDATE _prisma_migrations SET ${END[became]} = clock_timestamp(), logs = NULL WHERE migration_name = $1 AND ${UNFINISHED}`,
    [name],
  );
  return rowCount === 0 ? undefined : { name, became };
}

/** Settles the migrations that an earlier process left under way. Others that did not finish are left to a person. */
export async function settleAllInterrupted(
  { session, report }: MigrationDeps,
  { scripts }: { scripts: ReadonlyMap<string, string> },
): Promise<void> {
  const { rows: table } = await session.query(
    `SELECT FROM pg_class WHERE oid = to_regclass('_prisma_migrations')`,
  );
  if (table.length === 0) return;
  const { rows } = await session.query<{ name: string }>(
    `SELECT migration_name AS name FROM _prisma_migrations WHERE logs = $1 AND ${UNFINISHED} ORDER BY started_at`,
    [UNDER_WAY],
  );
  for (const { name } of rows) {
    const script = scripts.get(name);
    if (script === undefined) continue;
    const index = readConcurrentIndex(withoutComments(script));
    const settled = await settleInterrupted(session, { name, index });
    report(
      `${name} was interrupted: ${settled?.became === 'applied' ? 'its index is complete' : 'nothing of it counts, and it is applied again'}`,
    );
  }
}
