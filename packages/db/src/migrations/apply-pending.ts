import { isUnavailable } from '../core/statements.ts';
import { readConcurrentIndex, runsConcurrently, withoutComments } from './concurrent-index.ts';
import type { MigrationsList } from './migration-list.ts';
import { recordBegin, recordFailure, settleInterrupted } from './migration-records.ts';
import { runScript, worksInBatches } from './run-script.ts';
import { endSession, StoppedError } from './take-turn.ts';
import { LockWaitError, type MigrationDeps } from './waits.ts';

const filters = { externalTables: [], externalEnums: [] };

/** The engine's messages end with the functions that they passed through, each on a line with its number. */
const withoutTrace = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\n\s*\d+: /, 1)[0] ?? '';

type Failure = { name: string; script: string; begun: boolean; error: unknown };

/** A migration that was stopped: its session is ended first, so what is found then is final. */
async function stopped(deps: MigrationDeps, { name, script, begun, error }: Failure): Promise<StoppedError> {
  await endSession(deps);
  // Such as DROP INDEX CONCURRENTLY: only a person can say.
  if (!begun && runsConcurrently(script))
    return new StoppedError(`Stopped while ${name} ran (docs/upgrading.md, "A migration that failed").`, {
      cause: error,
    });
  const index = readConcurrentIndex(withoutComments(script));
  const settled = await settleInterrupted(deps.watcher, { name, index });
  const left = worksInBatches(script) ? 'a part of it is done' : 'it was rolled back';
  const undone = index === undefined ? left : 'its index is not finished';
  return new StoppedError(
    settled?.became === 'rolled-back'
      ? `Stopped while ${name} ran: ${undone}. The next \`migrate\` applies it.`
      : `Stopped when ${name} was applied. The next \`migrate\` goes on after it.`,
    { cause: error },
  );
}

/** Its connection was lost: the server may still be at work on it, so the next `migrate`, which waits for that, has to find out. */
async function interrupted({ watcher }: MigrationDeps, { name, error }: Failure): Promise<Error> {
  // The engine has replaced the note by the error. Where this connection is lost too, so was the engine's, and the note is still there.
  await recordBegin(watcher, name).catch(() => undefined);
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(
    `The migration ${name} was interrupted: ${reason}. Migrate again: that finds out what became of it, and goes on.`,
    { cause: error },
  );
}

/** Applies what is pending. Says which migration failed and why: the engine's own message does not have the server's. */
export async function applyPending(
  deps: MigrationDeps,
  {
    url,
    migrationsList,
    lockWaitMs,
    signal,
  }: { url: string; migrationsList: MigrationsList; lockWaitMs: number; signal?: AbortSignal | undefined },
): Promise<string[]> {
  const names = new Map(
    migrationsList.migrationDirectories.map(({ path, migrationFile }) => [migrationFile.content.value, path]),
  );
  let failure: Failure | undefined;
  const run = async (script: string): Promise<void> => {
    const name = names.get(script) ?? 'a migration';
    let begun = false;
    const begin = async () => {
      await recordBegin(deps.session, name);
      begun = true;
    };
    try {
      const from = performance.now();
      await runScript(deps, { name, script, waitMs: lockWaitMs, begin });
      deps.report(`${name}: applied in ${Math.round(performance.now() - from)} ms`);
    } catch (error) {
      failure = { name, script, begun, error };
      throw error;
    }
  };
  // Loaded when it is used: every process imports this package, and few migrate.
  const { withSchemaEngine } = await import('./schema-engine.ts');
  return withSchemaEngine({ url, runScript: run }, async (engine) => {
    try {
      return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames;
    } catch (error) {
      if (failure === undefined) throw new Error(withoutTrace(error), { cause: error });
      const { name, begun, error: cause } = failure;
      if (signal?.aborted === true) throw await stopped(deps, failure);
      // It is as if it had not begun, so nobody has to resolve it.
      if (cause instanceof LockWaitError) {
        await engine.markMigrationRolledBack({ migrationName: name });
        throw cause;
      }
      if (begun && isUnavailable(cause)) throw await interrupted(deps, failure);
      const reason = cause instanceof Error ? cause.message : String(cause);
      // Where this fails too, the message of this run has the reason.
      await recordFailure(deps.watcher, name, reason).catch(() => undefined);
      throw new Error(
        `The migration ${name} failed: ${reason} (docs/upgrading.md, "A migration that failed")`,
        { cause },
      );
    }
  });
}
