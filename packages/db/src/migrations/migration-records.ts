import { type ClientBase, escapeLiteral } from 'pg';
import {
  type ConcurrentIndex,
  isValidIndex,
  readConcurrentIndex,
  withoutComments,
} from './concurrent-index.ts';
import { givingWay } from './give-way.ts';
import type { MigrationDeps } from './waits.ts';

type Session = Pick<ClientBase, 'query'>;

/**
 * Stands in the column `logs` of a migration from its beginning until its end. With an error of the server Prisma replaces it by that. So where it is
 * still found, the process or its connection was ended; and since a migration that is one transaction records its end within that transaction,
 * one without an end was rolled back. Rows that earlier versions have left do not have it: theirs may have been committed.
 */
const UNDER_WAY = 'under way; if it does not end, the next migrate finds out what became of it and goes on';

const UNFINISHED = 'finished_at IS NULL AND rolled_back_at IS NULL';

/**
 * Stands in the column `logs` before that, by the column's default: Prisma writes the row, and a process that ends before it has replaced this note has
 * run nothing of the migration.
 */
const NOT_BEGUN = 'not begun; if it stays so, the next migrate applies it';

const noted = (session: Session, name: string, logs: string | null): Promise<unknown> =>
  session.query(`UPDATE _prisma_migrations SET logs = $2 WHERE migration_name = $1 AND ${UNFINISHED}`, [
    name,
    logs,
  ]);

/** How far a migration is: `not-begun` has run nothing. An interruption of one that is `unrepeatable` is a person's to judge. */
export type Stage = 'not-begun' | 'repeatable' | 'unrepeatable';

const NOTES = { 'not-begun': NOT_BEGUN, repeatable: UNDER_WAY, unrepeatable: null } as const;

/** Records how far the migration is: what the next `migrate` makes of it when this one is ended now. */
export const recordStage = (session: Session, { name, stage }: { name: string; stage: Stage }) =>
  noted(session, name, NOTES[stage]);

/** True when the column has the default. */
async function notesNewRows(session: Session): Promise<boolean> {
  const { rows } = await session.query(
    `SELECT FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      WHERE d.adrelid = to_regclass('_prisma_migrations') AND a.attname = 'logs' AND strpos(pg_get_expr(d.adbin, d.adrelid), $1) > 0`,
    [NOT_BEGUN],
  );
  return rows.length > 0;
}

/** Makes the rows that Prisma writes say that nothing of their migration has run. */
export async function noteNewRows(deps: MigrationDeps, { waitMs }: { waitMs: number }): Promise<void> {
  if (await notesNewRows(deps.session)) return;
  await givingWay(deps, { what: 'the table of migrations', waitMs }, () =>
    deps.session.query(
      `ALTER TABLE _prisma_migrations ALTER COLUMN logs SET DEFAULT ${escapeLiteral(NOT_BEGUN)}`,
    ),
  );
}

/** Records why the migration failed. The engine's own error, which is there already, does not have the server's. */
export const recordFailure = (session: Session, name: string, reason: string): Promise<unknown> =>
  noted(session, name, reason);

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
  const { rows } = await session.query<{ name: string; begun: boolean }>(
    `SELECT migration_name AS name, logs = $1 AS begun FROM _prisma_migrations WHERE logs IN ($1, $2) AND ${UNFINISHED} ORDER BY started_at`,
    [UNDER_WAY, NOT_BEGUN],
  );
  for (const { name, begun } of rows) {
    const script = scripts.get(name);
    if (script === undefined) continue;
    const index = begun ? readConcurrentIndex(withoutComments(script)) : undefined;
    const settled = await settleInterrupted(session, { name, index });
    report(
      `${name} was interrupted: ${settled?.became === 'applied' ? 'its index is complete' : 'nothing of it counts, and it is applied again'}`,
    );
  }
}
