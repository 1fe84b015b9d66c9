import { readFile } from 'node:fs/promises';
import { type AppRole, prepareAppRole } from './app-role.ts';
import { applyPending } from './apply-pending.ts';
import { givingWay } from './give-way.ts';
import { readMigrations } from './migration-list.ts';
import { settleAllInterrupted } from './migration-records.ts';
import { pendingMigrations } from './pending-migrations.ts';
import { prismaFiles } from './prisma-files.ts';
import { refuseOtherDatabase } from './refuse-other-database.ts';
import { refuseOtherRole } from './refuse-other-role.ts';
import { inTurn, StoppedError } from './take-turn.ts';
import type { MigrationDeps, Report } from './waits.ts';

/** Backups and imports that keep a table for longer are an operator's to end, or to wait for. */
const LOCK_WAIT_MS = 5 * 60_000;

export type MigrateInput = {
  /** Of the role that owns the tables. */
  url: string;
  /** The role that the service runs as. Without it no privilege changes. */
  appRole?: AppRole | undefined;
  /** For so long in all a migration tries to get its locks; five minutes by default. */
  lockWaitMs?: number | undefined;
  /** Gets each migration with its time, and what it waits for. */
  report?: Report | undefined;
  /** The folder of the migrations, for tests. */
  folder?: string | undefined;
  /** Stops it: the statement that is running is ended on the server and rolled back. */
  signal?: AbortSignal | undefined;
};

const asList = (names: string[]): string => names.join(', ');

/**
 * @returns the migrations of this version that the database does not have.
 * @throws Error with a sentence for the operator when the database is in no state to be migrated by this version.
 */
async function refuseUnfit({ session }: MigrationDeps, { known }: { known: string[] }): Promise<string[]> {
  const { pending, later, failed } = await pendingMigrations({ database: { pool: session } }, { known });
  if (failed.length > 0)
    throw new Error(
      `Nothing was migrated: ${asList(failed)} began and did not finish. See what it left behind, then run \`migrate --resolve ${failed[0]}\` with --rolled-back (it is applied again) or --applied (docs/upgrading.md, "A migration that failed").`,
    );
  if (later.length > 0)
    throw new Error(
      `Nothing was migrated: the database is of a later version, with ${asList(later)}, which this version does not know. Processes of this version work on it (docs/upgrading.md, "The way back"); only that version, or one after it, may migrate it.`,
    );
  return pending;
}

/**
 * Applies the migrations that the database does not have yet, the queue's own among them: the service itself may change no
 * structure.
 *
 * @returns the names of the migrations that were applied now; empty when the database was up to date.
 * @throws Error with a sentence for the operator: the database cannot be reached, is another program's, takes no writes, is of a later
 *   version, has a migration that failed before, a migration fails now, its locks are not free in time (LockWaitError), or it is stopped (StoppedError).
 */
export async function migrate({ signal, ...input }: MigrateInput): Promise<{ applied: string[] }> {
  try {
    return await migrateInTurn({ signal, ...input });
  } catch (error) {
    if (signal?.aborted !== true || error instanceof StoppedError) throw error;
    throw new StoppedError('Stopped between two migrations. The next `migrate` goes on.', { cause: error });
  }
}

function migrateInTurn({
  url,
  appRole,
  lockWaitMs = LOCK_WAIT_MS,
  report = () => undefined,
  folder = prismaFiles.migrations,
  signal,
}: MigrateInput): Promise<{ applied: string[] }> {
  return inTurn({ report }, { url, signal }, async (deps) => {
    const migrationsList = await readMigrations(folder);
    const scripts = new Map(
      migrationsList.migrationDirectories.map(({ path, migrationFile }) => [
        path,
        migrationFile.content.value,
      ]),
    );
    const known = [...scripts.keys()];
    await refuseOtherRole(deps, { known });
    await refuseOtherDatabase(deps, { known });
    await settleAllInterrupted(deps, { scripts });
    const pending = (await refuseUnfit(deps, { known })).length > 0;
    const applied = await applyPending(deps, { url, migrationsList, pending, lockWaitMs, signal });
    // Loaded here, because every process imports this package, and few migrate.
    const { migrateQueue } = await import('@emr-payments/runtime/queue-on-postgres');
    await givingWay(deps, { what: 'the schema bullmq', waitMs: lockWaitMs }, () =>
      migrateQueue({ client: deps.session }),
    );
    if (appRole !== undefined) await prepareAppRole({ client: deps.session }, appRole);
    return { applied };
  });
}

/**
 * Returns the script that turns an empty database into what schema.prisma describes, for comparison with the result of the
 * migrations. Those also contain what a schema cannot express (storage parameters, roles).
 *
 * @param input.url any database; it is not read.
 */
export async function scriptOfSchema({ url }: { url: string }): Promise<string> {
  const files = [{ path: 'schema.prisma', content: await readFile(prismaFiles.schema, 'utf8') }];
  const { withSchemaEngine } = await import('./schema-engine.ts');
  const runs = () => Promise.reject(new Error('a comparison runs no migration'));
  const { stdout } = await withSchemaEngine({ url, runScript: runs }, (engine) =>
    engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    }),
  );
  return stdout ?? '';
}
