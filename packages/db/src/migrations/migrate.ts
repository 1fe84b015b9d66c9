import { readdir, readFile } from 'node:fs/promises';
import { postgresClient } from '@emr-payments/runtime/postgres';
import { type AppRole, prepareAppRole } from './app-role.ts';
import { prismaFiles } from './prisma-files.ts';

/** `mig` in ASCII: one process migrates at a time, however many start together. */
const MIGRATION_LOCK = 0x6d6967;

/** Loaded when it is used: every process imports this package, and few migrate. */
const loadSchemaEngine = () => import('./schema-engine.ts');

const filters = { externalTables: [], externalEnums: [] };

/** Reads the committed migrations, in order, in the form that the engine takes. */
async function readMigrations() {
  const read = (path: string) => readFile(`${prismaFiles.migrations}/${path}`, 'utf8');
  const entries = await readdir(prismaFiles.migrations, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return {
    baseDir: prismaFiles.migrations,
    lockfile: { path: 'migration_lock.toml', content: await read('migration_lock.toml') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.sort().map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await read(`${path}/migration.sql`) },
        },
      })),
    ),
  };
}

/**
 * Applies the migrations that the database does not have yet, the queue's own among them: the service itself may change no
 * structure.
 *
 * @param input.url of the role that owns the tables.
 * @param input.appRole the role that the service runs as. Without it no privilege changes.
 * @returns the names of the migrations that were applied now; empty when the database was up to date.
 * @throws Error when the database cannot be reached, or a migration fails: the engine's message says which and why.
 */
export async function migrate({
  url,
  appRole,
}: {
  url: string;
  appRole?: AppRole | undefined;
}): Promise<{ applied: string[] }> {
  const lock = postgresClient({ url, application_name: 'emr-payments migrate' });
  await lock.connect();
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    const migrationsList = await readMigrations();
    const { withSchemaEngine } = await loadSchemaEngine();
    const result = await withSchemaEngine(url, (engine) =>
      engine.applyMigrations({ migrationsList, filters }),
    );
    // Loaded here for the same reason.
    const { migrateQueue } = await import('@emr-payments/runtime/queue-on-postgres');
    await migrateQueue({ client: lock });
    if (appRole !== undefined) await prepareAppRole({ client: lock }, appRole);
    return { applied: result.appliedMigrationNames };
  } finally {
    await lock.end();
  }
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
  const { stdout } = await withSchemaEngine(url, (engine) =>
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
