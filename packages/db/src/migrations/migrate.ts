import { readFile } from 'node:fs/promises';
import { type AppRole, prepareAppRole } from './app-role.ts';
import { readMigrations } from './migration-list.ts';
import { pendingMigrations } from './pending-migrations.ts';
import { prismaFiles } from './prisma-files.ts';
import { runScript } from './run-script.ts';
import { inTurn } from './take-turn.ts';
import { LockWaitError, type MigrationDeps, type Report } from './waits.ts';

/** Loaded when it is used: every process imports this package, and few migrate. */
const loadSchemaEngine = () => import('./schema-engine.ts');

const filters = { externalTables: [], externalEnums: [] };

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
};

const asList = (names: string[]): string => names.join(', ');

/** @throws Error with a sentence for the operator when the database is in no state to be migrated by this version. */
async function refuseUnfit({ session }: MigrationDeps, { known }: { known: string[] }): Promise<void> {
  const { later, failed } = await pendingMigrations({ database: { pool: session } }, { known });
  if (failed.length > 0)
    throw new Error(
      `Nothing was migrated: ${asList(failed)} began and did not finish. See what it left behind, then run \`migrate --resolve ${failed[0]}\` with --rolled-back (it is applied again) or --applied (docs/upgrading.md, "A migration that failed").`,
    );
  if (later.length > 0)
    throw new Error(
      `Nothing was migrated: the database is of a later version, with ${asList(later)}, which this version does not know. Processes of this version work on it (docs/upgrading.md, "The way back"); only that version, or one after it, may migrate it.`,
    );
}

/** The engine's messages end with the functions that they passed through, each on a line with its number. */
const withoutTrace = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\n\s*\d+: /, 1)[0] ?? '';

/** Applies what is pending. Says which migration failed and why: the engine's own message does not have the server's. */
async function applyPending(
  deps: MigrationDeps,
  { url, folder, lockWaitMs }: { url: string; folder: string; lockWaitMs: number },
): Promise<string[]> {
  const migrationsList = await readMigrations(folder);
  const names = new Map(
    migrationsList.migrationDirectories.map(({ path, migrationFile }) => [migrationFile.content.value, path]),
  );
  let failure: { name: string; error: unknown } | undefined;
  const run = async (script: string): Promise<void> => {
    const name = names.get(script) ?? 'a migration';
    try {
      const from = performance.now();
      await runScript(deps, { name, script, waitMs: lockWaitMs });
      deps.report(`${name}: applied in ${Math.round(performance.now() - from)} ms`);
    } catch (error) {
      failure = { name, error };
      throw error;
    }
  };
  const { withSchemaEngine } = await loadSchemaEngine();
  return withSchemaEngine({ url, runScript: run }, async (engine) => {
    try {
      return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames;
    } catch (error) {
      if (failure === undefined) throw new Error(withoutTrace(error), { cause: error });
      const { name, error: cause } = failure;
      // It is as if it had not begun, so nobody has to resolve it.
      if (cause instanceof LockWaitError) {
        await engine.markMigrationRolledBack({ migrationName: name });
        throw cause;
      }
      throw new Error(
        `The migration ${name} failed: ${cause instanceof Error ? cause.message : String(cause)} (docs/upgrading.md, "A migration that failed")`,
        { cause },
      );
    }
  });
}

/**
 * Applies the migrations that the database does not have yet, the queue's own among them: the service itself may change no
 * structure.
 *
 * @returns the names of the migrations that were applied now; empty when the database was up to date.
 * @throws Error with a sentence for the operator: the database cannot be reached, is of a later version, has a migration that failed before, a
 *   migration fails now, or its locks are not free in time (LockWaitError).
 */
export async function migrate({
  url,
  appRole,
  lockWaitMs = LOCK_WAIT_MS,
  report = () => undefined,
  folder = prismaFiles.migrations,
}: MigrateInput): Promise<{ applied: string[] }> {
  return inTurn({ report }, { url }, async (deps) => {
    const { migrationDirectories } = await readMigrations(folder);
    await refuseUnfit(deps, { known: migrationDirectories.map(({ path }) => path) });
    const applied = await applyPending(deps, { url, folder, lockWaitMs });
    // Loaded here for the same reason.
    const { migrateQueue } = await import('@emr-payments/runtime/queue-on-postgres');
    await migrateQueue({ client: deps.session });
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
  const { withSchemaEngine } = await loadSchemaEngine();
  const runs = () => Promise.reject(new Error('a comparison runs no migration'));
  const { stdout } = await withSchemaEngine({ url, runScript: runs }, (engine) =>
    engine.diff({
      from: { tag: 'empty' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters,
    }),
  );
  return stdout ?? '';
}
