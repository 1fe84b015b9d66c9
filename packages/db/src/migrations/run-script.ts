import { buildConcurrently, readConcurrentIndex, withoutComments } from './concurrent-index.ts';
import { givingWay } from './give-way.ts';
import { type MigrationDeps, waitingAtMost } from './waits.ts';

/**
 * Runs one migration. In general it is sent whole, which makes it one transaction: it waits briefly for its locks, gives way to the service, and
 * begins again. A statement that runs CONCURRENTLY cannot be in a transaction, so it is alone in its file.
 *
 * @param input.waitMs bounds how long it waits for others. The work itself has no bound.
 * @throws LockWaitError when its locks were not free in that time: then it can simply be tried again.
 */
export async function runScript(
  deps: MigrationDeps,
  { name, script, waitMs }: { name: string; script: string; waitMs: number },
): Promise<void> {
  const statement = withoutComments(script);
  if (!/\bCONCURRENTLY\b/i.test(statement))
    return givingWay(deps, { what: name, waitMs }, () => deps.session.query(script));
  if (statement.includes(';'))
    throw new Error(`${name}: a statement that runs CONCURRENTLY must be alone in its file`);
  const index = readConcurrentIndex(statement);
  if (index !== undefined) return buildConcurrently(deps, { index, waitMs });
  await waitingAtMost(deps, { what: name, waitMs }, () => deps.session.query(script));
}
