import type { Client } from 'pg';
import { isUnavailable } from '../core/statements.ts';
import { type Begin, readConcurrentIndex, withoutComments } from './concurrent-index.ts';
import type { MigrationsList } from './migration-list.ts';
import {
  noteNewRows,
  recordFailure,
  recordStage,
  type Stage,
  settleInterrupted,
} from './migration-records.ts';
import { runScript, worksInBatches } from './run-script.ts';
import { APPLICATION_NAME, openSession } from './session.ts';
import { endSession, StoppedError } from './take-turn.ts';
import { LockWaitError, type MigrationDeps } from './waits.ts';

const filters = { externalTables: [], externalEnums: [] };

/** The engine's messages end with the functions that they passed through, each on a line with its number. */
const withoutTrace = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\n\s*\d+: /, 1)[0] ?? '';

type Failure = { name: string; script: string; stage: Stage; error: unknown };

/** A migration that was stopped: its session is ended first, so what is found then is final. */
async function stopped(deps: MigrationDeps, { name, script, stage, error }: Failure): Promise<StoppedError> {
  await endSession(deps);
  // Such as DROP INDEX CONCURRENTLY: only a person can say.
  if (stage === 'unrepeatable')
    return new StoppedError(`Stopped while ${name} ran (docs/upgrading.md, "A migration that failed").`, {
      cause: error,
    });
  const index = stage === 'repeatable' ? readConcurrentIndex(withoutComments(script)) : undefined;
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
async function interrupted({ url }: { url: string }, { name, stage, error }: Failure): Promise<Error> {
  // The engine has replaced the note by the error, over a connection that it may have opened for that. Where no further one can be opened, neither
  // could the engine, and the note is still there.
  await inSession({ url }, (session) => recordStage(session, { name, stage })).catch(() => undefined);
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(
    `The migration ${name} was interrupted: ${reason}. Migrate again: that finds out what became of it, and goes on.`,
    { cause: error },
  );
}

async function inSession<T>({ url }: { url: string }, work: (session: Client) => Promise<T>): Promise<T> {
  const session = await openSession({ url, applicationName: APPLICATION_NAME });
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

/** Applies what is pending. Says which migration failed and why: the engine's own message does not have the server's. */
export async function applyPending(
  deps: MigrationDeps,
  {
    url,
    migrationsList,
    pending,
    lockWaitMs,
    signal,
  }: {
    url: string;
    migrationsList: MigrationsList;
    /** False when the database has all of them. */
    pending: boolean;
    lockWaitMs: number;
    signal?: AbortSignal | undefined;
  },
): Promise<string[]> {
  const names = new Map(
    migrationsList.migrationDirectories.map(({ path, migrationFile }) => [migrationFile.content.value, path]),
  );
  let failure: Failure | undefined;
  const run = async (script: string): Promise<void> => {
    const name = names.get(script) ?? 'a migration';
    let stage: Stage = 'not-begun';
    const begin: Begin = async (how) => {
      await recordStage(deps.session, { name, stage: how });
      stage = how;
    };
    try {
      const from = performance.now();
      await runScript(deps, { name, script, waitMs: lockWaitMs, begin });
      deps.report(`${name}: applied in ${Math.round(performance.now() - from)} ms`);
    } catch (error) {
      failure = { name, script, stage, error };
      throw error;
    }
  };
  // Loaded when it is used: every process imports this package, and few migrate.
  const { withSchemaEngine } = await import('./schema-engine.ts');
  return withSchemaEngine({ url, runScript: run }, async (engine) => {
    try {
      if (pending) {
        // Without migrations it makes its table, where that is missing.
        await engine.applyMigrations({
          migrationsList: { ...migrationsList, migrationDirectories: [] },
          filters,
        });
        await noteNewRows(deps, { waitMs: lockWaitMs });
      }
      return (await engine.applyMigrations({ migrationsList, filters })).appliedMigrationNames;
    } catch (error) {
      if (failure === undefined)
        throw new Error(
          `No further migration was begun: ${withoutTrace(error).replace(/[.\s]+$/, '')}. What was applied stays; migrate again when that is over.`,
          { cause: error },
        );
      const { name, stage, error: cause } = failure;
      if (signal?.aborted === true) throw await stopped(deps, failure);
      // It is as if it had not begun, so nobody has to resolve it.
      if (cause instanceof LockWaitError) {
        await engine.markMigrationRolledBack({ migrationName: name });
        throw cause;
      }
      if (stage !== 'unrepeatable' && isUnavailable(cause)) throw await interrupted({ url }, failure);
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
