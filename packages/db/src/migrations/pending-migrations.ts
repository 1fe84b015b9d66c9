import { readdir } from 'node:fs/promises';
import { query, type StatementDeps } from '../core/statements.ts';
import { prismaFiles } from './prisma-files.ts';

export type PendingMigrations = {
  /** Migrations of this version that the database does not have. */
  pending: string[];
  /** Migrations that began and did not finish: a person has to look. */
  failed: string[];
};

const TABLE = {
  name: 'migrations-table',
  text: `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
};

const APPLIED = {
  name: 'applied-migrations',
  text: 'SELECT migration_name AS name, finished_at IS NOT NULL AS finished FROM _prisma_migrations WHERE rolled_back_at IS NULL',
};

/** Reads the names of the migrations of this version, in order. */
export async function knownMigrations(): Promise<string[]> {
  const entries = await readdir(prismaFiles.migrations, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Compares the database with the migrations of this version. It changes nothing. */
export async function pendingMigrations(deps: StatementDeps): Promise<PendingMigrations> {
  const names = await knownMigrations();
  const [table] = await query<{ there: boolean }>(deps, TABLE, []);
  const rows =
    table?.there === true ? await query<{ name: string; finished: boolean }>(deps, APPLIED, []) : [];
  const finished = new Set(rows.filter((row) => row.finished).map((row) => row.name));
  return {
    pending: names.filter((name) => !finished.has(name)),
    failed: rows.filter((row) => !row.finished).map((row) => row.name),
  };
}
