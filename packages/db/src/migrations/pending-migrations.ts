import { query, type StatementDeps } from '../core/statements.ts';
import { knownMigrations } from './migration-list.ts';

export type PendingMigrations = {
  /** Migrations of this version that the database does not have. */
  pending: string[];
  /** Migrations that began and did not finish: a person has to look. */
  failed: string[];
  /** Migrations of a later version: the database has them, and this version does not know them. */
  later: string[];
};

const TABLE = {
  name: 'migrations-table',
  text: `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
};

const APPLIED = {
  name: 'applied-migrations',
  text: 'SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY 1',
};

/**
 * Compares the database with the migrations of this version. It changes nothing.
 *
 * @param input.known the migrations of this version; those of `prisma/migrations` by default.
 */
export async function pendingMigrations(
  deps: StatementDeps,
  { known }: { known?: string[] } = {},
): Promise<PendingMigrations> {
  const names = known ?? (await knownMigrations());
  const [table] = await query<{ there: boolean }>(deps, TABLE, []);
  const rows =
    table?.there === true ? await query<{ name: string; finished: boolean }>(deps, APPLIED, []) : [];
  const finished = new Set(rows.filter((row) => row.finished).map((row) => row.name));
  return {
    pending: names.filter((name) => !finished.has(name)),
    failed: rows.filter((row) => !row.finished).map((row) => row.name),
    later: [...finished].filter((name) => !names.includes(name)),
  };
}
