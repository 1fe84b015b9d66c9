import {
  type Begin,
  buildConcurrently,
  readConcurrentIndex,
  runsConcurrently,
  withoutComments,
} from './concurrent-index.ts';
import { givingWay } from './give-way.ts';
import { recordingItsEnd } from './migration-records.ts';
import { type MigrationDeps, waitingAtMost } from './waits.ts';

/** What is between dollar quotes is the body of a function, whose BEGIN and END are not the transaction's. */
const BODY = /\$(\w*)\$.*?\$\1\$/gs;
const TRANSACTION = /(^|;)\s*(BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT)\b/i;

/** True for a migration that works in batches: a DO block that commits each of them. It must bear being run again, wherever it ended. */
export const worksInBatches = (script: string): boolean => /^DO\b.*\bCOMMIT\b/i.test(withoutComments(script));

/**
 * Runs one migration. In general it is sent whole, which makes it one transaction: it waits briefly for its locks, gives way to the service, and
 * begins again. A statement that runs CONCURRENTLY cannot be in a transaction, and neither can a DO block that commits: they are alone in their files.
 *
 * @param input.waitMs bounds how long it waits for others. The work itself has no bound.
 * @param input.begin records that the migration begins, and whether it can be repeated after an interruption. Left out: nothing is recorded.
 * @throws LockWaitError when its locks were not free in that time: then it can simply be tried again.
 */
export async function runScript(
  deps: MigrationDeps,
  { name, script, waitMs, begin }: { name: string; script: string; waitMs: number; begin?: Begin },
): Promise<void> {
  const statement = withoutComments(script);
  if (worksInBatches(script)) {
    if (statement.replaceAll(BODY, '').includes(';'))
      throw new Error(`${name}: a DO block that commits must be alone in its file`);
    await begin?.('repeatable');
    await waitingAtMost(deps, { what: name, waitMs }, () => deps.session.query(script));
    return;
  }
  if (!runsConcurrently(script)) {
    if (TRANSACTION.test(statement.replaceAll(BODY, '')))
      throw new Error(`${name}: a migration is one transaction, so it may not begin or end one itself`);
    await begin?.('repeatable');
    const whole = begin === undefined ? script : recordingItsEnd(script, name);
    return givingWay(deps, { what: name, waitMs }, () => deps.session.query(whole));
  }
  if (statement.includes(';'))
    throw new Error(`${name}: a statement that runs CONCURRENTLY must be alone in its file`);
  const index = readConcurrentIndex(statement);
  if (index !== undefined)
    return buildConcurrently(deps, { index, waitMs, begin: begin ?? (async () => undefined) });
  await begin?.('unrepeatable');
  await waitingAtMost(deps, { what: name, waitMs }, () => deps.session.query(script));
}
