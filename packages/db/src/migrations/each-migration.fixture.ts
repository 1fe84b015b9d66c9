import { readFile } from 'node:fs/promises';
import { openEmptyDatabase } from '@emr-payments/testkit';
import type { Client } from 'pg';
import { withoutComments } from './concurrent-index.ts';
import { knownMigrations } from './migration-list.ts';
import { prismaFiles } from './prisma-files.ts';
import { runScript } from './run-script.ts';
import { inTurn } from './take-turn.ts';

/**
 * Applies all migrations to an empty database, each in a transaction of its own, and looks at the session before and after it. A statement that
 * runs concurrently is in no transaction; after it, its locks are released.
 */
export async function throughMigrations<T, R>(
  look: (session: Client) => Promise<T>,
  compare: (before: T, after: T, name: string) => R,
): Promise<[name: string, found: R][]> {
  const { url, drop } = await openEmptyDatabase();
  const found: [string, R][] = [];
  await inTurn({ report: () => undefined }, { url }, async (deps) => {
    const { session } = deps;
    for (const name of await knownMigrations()) {
      const script = await readFile(`${prismaFiles.migrations}/${name}/migration.sql`, 'utf8');
      if (/\bCONCURRENTLY\b/i.test(withoutComments(script))) {
        const before = await look(session);
        await runScript(deps, { name, script, waitMs: 10_000 });
        found.push([name, compare(before, await look(session), name)]);
        continue;
      }
      await session.query('BEGIN');
      const before = await look(session);
      await session.query(script);
      found.push([name, compare(before, await look(session), name)]);
      await session.query('COMMIT');
    }
  });
  await drop();
  return found;
}
