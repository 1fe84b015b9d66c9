import type { MigrationDeps } from './waits.ts';

/** Tables count wherever ours would be made. The table of migrations is Prisma's, and every program that uses Prisma has one. */
const CONTENTS = `
SELECT current_database() AS database, current_schema() AS schema, pg_is_in_recovery() AS standby, current_setting('transaction_read_only')::bool AS "readOnly",
       to_regclass('_prisma_migrations') IS NOT NULL AS prisma,
       (SELECT array_agg(relname::text ORDER BY relname) FROM pg_class
         WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations') AS tables`;
type Contents = {
  database: string;
  schema: string | null;
  standby: boolean;
  readOnly: boolean;
  prisma: boolean;
  tables: string[] | null;
};

const INSTEAD = 'Give DATABASE_URL (or DATABASE_DIRECT_URL)';
const EMPTY = `${INSTEAD} of an empty database of its own.`;
const NAMED = 5;

const some = (names: readonly string[]): string =>
  names.length > NAMED
    ? `${names.filter((_, n) => n < NAMED).join(', ')} and ${names.length - NAMED} more`
    : names.join(', ');

/**
 * Refuses a database that takes no writes, and one of another program: Prisma's sentence about the latter would have our migrations recorded as
 * applied there, and a migration that is resolved there would be the other program's.
 *
 * @throws Error with a sentence that says what is in the way, and which address to give.
 */
export async function refuseOtherDatabase(
  { session }: Pick<MigrationDeps, 'session'>,
  { known }: { known: readonly string[] },
): Promise<void> {
  const { rows } = await session.query<Contents>(CONTENTS);
  const [contents] = rows;
  if (contents === undefined) return;
  const { database, schema, standby, readOnly, prisma, tables } = contents;
  if (standby)
    throw new Error(
      `Nothing was changed: the server is a standby. ${INSTEAD} the address of the primary, or target_session_attrs=primary.`,
    );
  if (readOnly)
    throw new Error(
      `Nothing was changed: the database ${database} takes no writes. Look for default_transaction_read_only, of the server, the database or the role.`,
    );
  if (!prisma && tables !== null)
    throw new Error(
      `Nothing was changed: the database ${database} has tables (${some(tables)} in the schema ${schema}), and no record of our migrations. ${EMPTY}`,
    );
  if (!prisma) return;
  const { rows: recorded } = await session.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations ORDER BY 1',
  );
  const names = recorded.map(({ name }) => name);
  if (names.length > 0 && !names.some((name) => known.includes(name)))
    throw new Error(
      `Nothing was changed: the database ${database} is another program's, which has migrated it (${some(names)}). ${EMPTY}`,
    );
}
