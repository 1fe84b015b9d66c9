import { readMigrations } from './migration-list.ts';
import { pendingMigrations } from './pending-migrations.ts';
import { prismaFiles } from './prisma-files.ts';
import { refuseOtherDatabase } from './refuse-other-database.ts';
import { refuseOtherRole } from './refuse-other-role.ts';
import { inTurn } from './take-turn.ts';
import type { Report } from './waits.ts';

/** What a person has found that a failed migration left behind: nothing, or all of it. */
export type Resolution = 'rolled-back' | 'applied';

/**
 * Records what became of a migration that failed, so that the next `migrate` goes on: it applies a migration again that is `rolled-back`, and
 * continues after one that is `applied`. It changes nothing else.
 *
 * @throws Error with a sentence when the migration has not failed, and for a database or a role that `migrate` refuses, too.
 */
export async function resolveMigration({
  url,
  name,
  as,
  report = () => undefined,
  folder = prismaFiles.migrations,
}: {
  url: string;
  name: string;
  as: Resolution;
  report?: Report | undefined;
  folder?: string | undefined;
}): Promise<void> {
  await inTurn({ report }, { url }, async (deps) => {
    const migrationsList = await readMigrations(folder);
    const known = migrationsList.migrationDirectories.map(({ path }) => path);
    await refuseOtherRole(deps, { known });
    await refuseOtherDatabase(deps, { known });
    const { failed } = await pendingMigrations({ database: { pool: deps.session } }, { known });
    if (!failed.includes(name))
      throw new Error(
        `${name} has not failed in this database${failed.length === 0 ? '' : `, but ${failed.join(', ')} has`}; nothing was changed`,
      );
    if (as === 'applied' && !known.includes(name))
      throw new Error(`${name} is of a later version: resolve it with that version`);
    const { withSchemaEngine } = await import('./schema-engine.ts');
    const runs = () => Promise.reject(new Error('resolving runs no migration'));
    await withSchemaEngine({ url, runScript: runs }, async (engine) => {
      if (as === 'applied') await engine.markMigrationApplied({ migrationName: name, migrationsList });
      else await engine.markMigrationRolledBack({ migrationName: name });
    });
  });
}
