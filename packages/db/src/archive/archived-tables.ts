import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { escapeIdentifier } from 'pg';
import { type Actor, clip } from '../audit/entry.ts';
import { unavailableAsSuch } from '../core/statements.ts';
import type { PartitionedTable } from './list-ranges.ts';
import type { OwnerSession } from './owner-session.ts';

/** A table of the schema `archive`, as its comment describes it. */
export type ArchivedTable = {
  table: PartitionedTable;
  name: string;
  /** The times of its ids; null: from the first one on. */
  since: string | null;
  upto: string;
  /** The clause with which it can be attached again: `FOR VALUES FROM (…) TO (…)`. */
  bound: string;
  columns: string[];
};

const LIST = `
  SELECT obj_description(c.oid, 'pg_class') AS comment, c.relname AS name,
         (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns
    FROM pg_class c WHERE c.relnamespace = to_regnamespace('archive') AND c.relkind = 'r' ORDER BY c.relname`;

function parsed(comment: string | null): Omit<ArchivedTable, 'columns'> | null {
  try {
    return JSON.parse(comment ?? '');
  } catch {
    // Somebody else's table.
    return null;
  }
}

/** Lists the archived tables that are still in the database and whose range ends at `before` at the latest. */
export async function listArchivedTables(
  { client }: OwnerSession,
  { before }: { before: Date },
): Promise<ArchivedTable[]> {
  type Row = { comment: string | null; name: string; columns: string[] };
  const { rows } = await unavailableAsSuch(client.query<Row>(LIST));
  return rows.flatMap(({ comment, name, columns }) => {
    const described = parsed(comment);
    if (described === null || described.name !== name || !(new Date(described.upto) <= before)) return [];
    return [{ ...described, columns }];
  });
}

/**
 * Writes an archived table as CSV with a line of names. `COPY … FROM` reads it again, NULL and the empty text apart.
 *
 * @returns how many rows PostgreSQL has written.
 */
export async function copyOut(
  { client }: OwnerSession,
  { table: { name, columns }, to }: { table: ArchivedTable; to: Writable },
): Promise<number> {
  // Only here: no other command needs it.
  const { to: copyTo } = (await import('pg-copy-streams')).default;
  const list = columns.map(escapeIdentifier).join(', ');
  const rows = client.query(
    copyTo(`COPY archive.${escapeIdentifier(name)} (${list}) TO STDOUT (FORMAT csv, HEADER)`),
  );
  await unavailableAsSuch(pipeline(rows, to));
  // The stream ends with the last row; PostgreSQL's count comes after it, and before the answer to anything else.
  await unavailableAsSuch(client.query('SELECT'));
  return rows.rowCount;
}

/**
 * Drops an archived table if `isWritten` says so, in one commit with the entry of the audit log. Nobody can write to the table from
 * before the question until after the drop.
 */
export async function dropArchivedTable(
  session: OwnerSession,
  {
    table,
    isWritten,
    by,
    detail,
  }: {
    table: ArchivedTable;
    isWritten: () => Promise<boolean>;
    by: Actor;
    detail: Record<string, string | number>;
  },
): Promise<boolean> {
  const { client } = session;
  const run = (text: string, values: unknown[] = []) => unavailableAsSuch(client.query(text, values));
  const name = `archive.${escapeIdentifier(table.name)}`;
  await run('BEGIN');
  await run(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
  const drops = await isWritten();
  if (drops) {
    await run(`DROP TABLE ${name}`);
    await run(
      `INSERT INTO audit_log (actor, source, action, subject, outcome, detail) VALUES ($1, $2, 'archive.drop', $3, 'done', $4)`,
      [clip(by.actor), clip(by.source), `archive:${table.name}`, JSON.stringify(detail)],
    );
  }
  await run(drops ? 'COMMIT' : 'ROLLBACK');
  return drops;
}
