import { createHash } from 'node:crypto';
import type { Client, ClientBase } from 'pg';
import { givingWay } from './give-way.ts';
import { type MigrationDeps, waitingAtMost } from './waits.ts';

/** A migration whose only statement is CREATE INDEX CONCURRENTLY. */
export type ConcurrentIndex = { unique: boolean; name: string; table: string; rest: string };

const IDENTIFIER = '"?([a-z_][a-z0-9_]*)"?';
const CREATE = new RegExp(
  `^CREATE (UNIQUE )?INDEX CONCURRENTLY (?:IF NOT EXISTS )?${IDENTIFIER} ON ${IDENTIFIER} ?((?:USING \\w+ )?\\(.*)$`,
  'is',
);

/** Returns the statements of a migration without comments, in one line. */
export const withoutComments = (script: string): string =>
  script.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim().replace(/;$/, '').trim();

/** True for a migration that is in no transaction. */
export const runsConcurrently = (script: string): boolean =>
  /\bCONCURRENTLY\b/i.test(withoutComments(script));

/** Reads a statement without comments; undefined when it is another one. */
export function readConcurrentIndex(statement: string): ConcurrentIndex | undefined {
  const [, unique, name, table, rest] = CREATE.exec(statement) ?? [];
  if (name === undefined || table === undefined || rest === undefined) return undefined;
  return { unique: unique !== undefined, name, table, rest };
}

/** `part` in ASCII, as in make_partition: while it is held, no partition is made, dropped or archived. */
const PARTITIONS_LOCK = 0x70617274;

type Found = { partitioned: boolean; state: 'absent' | 'valid' | 'invalid' };

async function find(
  session: Pick<ClientBase, 'query'>,
  { table, name }: { table: string; name: string },
): Promise<Found | undefined> {
  const { rows } = await session.query<Found>(
    `SELECT c.relkind = 'p' AS partitioned,
            coalesce((SELECT CASE WHEN i.indisvalid THEN 'valid' ELSE 'invalid' END FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid
                       WHERE i.indrelid = c.oid AND n.relname = $2), 'absent') AS state
       FROM pg_class c WHERE c.oid = to_regclass(quote_ident($1))`,
    [table, name],
  );
  return rows[0];
}

export const isValidIndex = async (
  session: Pick<ClientBase, 'query'>,
  index: ConcurrentIndex,
): Promise<boolean> => (await find(session, index))?.state === 'valid';

/** The partitions that have no index which is attached to the parent's. */
async function partitionsWithout(session: Client, { table, name }: ConcurrentIndex): Promise<string[]> {
  const { rows } = await session.query<{ partition: string }>(
    `SELECT c.relname AS partition FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
      WHERE h.inhparent = to_regclass(quote_ident($1))
        AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_inherits a ON a.inhrelid = i.indexrelid
                         WHERE i.indrelid = c.oid AND a.inhparent = to_regclass(quote_ident($2)))
      ORDER BY 1`,
    [table, name],
  );
  return rows.map((row) => row.partition);
}

/** PostgreSQL cuts names off after 63 bytes. */
function nameOn(partition: string, { name, table }: ConcurrentIndex): string {
  const suffix = name.startsWith(`${table}_`) ? name.slice(table.length + 1) : name;
  const whole = `${partition}_${suffix}`;
  if (whole.length <= 63) return whole;
  return `${whole.slice(0, 54)}_${createHash('sha256').update(whole).digest('hex').slice(0, 8)}`;
}

type Input = { index: ConcurrentIndex; waitMs: number };

/** Records that a migration begins: called when nothing speaks against it, and before anything is done. */
export type Begin = (how: 'repeatable' | 'unrepeatable') => Promise<unknown>;

/** Builds one index while others write. What an earlier try left unfinished is dropped first. */
async function build(deps: MigrationDeps, { index, waitMs }: Input): Promise<void> {
  const { session, report } = deps;
  const { unique, name, table, rest } = index;
  await waitingAtMost(deps, { what: `index ${name}`, waitMs }, async () => {
    const found = await find(session, { table, name });
    if (found?.state === 'valid') return;
    if (found?.state === 'invalid') {
      report(`index ${name} is unfinished from an earlier try; it is made again`);
      await session.query(`DROP INDEX CONCURRENTLY "${name}"`);
    }
    await session.query(
      `CREATE ${unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY "${name}" ON "${table}" ${rest}`,
    );
  });
}

/**
 * PostgreSQL builds no index of a partitioned table concurrently. So the parent gets one that is not valid yet, each partition is given its own
 * concurrently, and the parent's becomes valid when the last of them is attached. Partitions that are made later get it by themselves.
 */
async function buildByPartition(deps: MigrationDeps, { index, waitMs }: Input): Promise<void> {
  const { session } = deps;
  const { unique, name, table, rest } = index;
  await waitingAtMost(deps, { what: `index ${name}`, waitMs }, () =>
    session.query('SELECT pg_advisory_lock($1)', [PARTITIONS_LOCK]),
  );
  try {
    if ((await find(session, index))?.state === 'absent')
      await givingWay(deps, { what: `index ${name}`, waitMs }, () =>
        session.query(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX "${name}" ON ONLY "${table}" ${rest}`),
      );
    for (const partition of await partitionsWithout(session, index)) {
      const part = { ...index, table: partition, name: nameOn(partition, index) };
      await build(deps, { index: part, waitMs });
      await givingWay(deps, { what: `index ${part.name}`, waitMs }, () =>
        session.query(`ALTER INDEX "${name}" ATTACH PARTITION "${part.name}"`),
      );
    }
  } finally {
    // Of no use on a connection that is lost; then its locks are free.
    await session.query('SELECT pg_advisory_unlock($1)', [PARTITIONS_LOCK]).catch(() => undefined);
  }
  if ((await find(session, index))?.state !== 'valid')
    throw new Error(
      `index ${name} of ${table} is not valid although every partition has its part: drop it (DROP INDEX "${name}"), and resolve the migration as rolled back`,
    );
}

/**
 * Makes an index without keeping anybody from writing, on a partitioned table too.
 *
 * @throws LockWaitError when something kept it waiting for `waitMs`. The next try goes on where this one ended.
 */
export async function buildConcurrently(
  deps: MigrationDeps,
  { begin, ...input }: Input & { begin: Begin },
): Promise<void> {
  const { name, table } = input.index;
  const found = await find(deps.session, input.index);
  if (found?.state === 'valid')
    throw new Error(
      `the index ${name} of ${table} is there already; if an earlier try made it, resolve the migration as applied`,
    );
  await begin('repeatable');
  await (found?.partitioned === true ? buildByPartition : build)(deps, input);
}
