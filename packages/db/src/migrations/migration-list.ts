import { readdir, readFile } from 'node:fs/promises';
import { prismaFiles } from './prisma-files.ts';

/** Reads the names of the migrations of this version, in order. */
export async function knownMigrations(folder = prismaFiles.migrations): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** Reads the migrations of this version, in order, in the form that the engine takes. */
export async function readMigrations(folder: string) {
  const read = (path: string) => readFile(`${folder}/${path}`, 'utf8');
  return {
    baseDir: folder,
    lockfile: { path: 'migration_lock.toml', content: await read('migration_lock.toml') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      (await knownMigrations(folder)).map(async (path) => ({
        path,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await read(`${path}/migration.sql`) },
        },
      })),
    ),
  };
}

export type MigrationsList = Awaited<ReturnType<typeof readMigrations>>;
