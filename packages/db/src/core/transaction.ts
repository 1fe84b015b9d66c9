import type { Database } from './database.ts';
import { type StatementDeps, unavailableAsSuch } from './statements.ts';

/**
 * Runs a few statements in one transaction on one connection. For what is not hot: hot paths are one statement. Every
 * statement keeps its own time-out, and a connection that broke is thrown away, so nothing can be left half-way.
 *
 * @param work says at its end whether to commit. No HTTP call may be made in it.
 * @throws DatabaseUnavailableError when Postgres cannot be reached; nobody knows then whether it was committed.
 */
export async function inTransaction<T>(
  { database: { pool } }: { database: Pick<Database, 'pool'> },
  work: (tx: StatementDeps) => Promise<{ commit: boolean; value: T }>,
): Promise<T> {
  const client = await unavailableAsSuch(pool.connect());
  // Without a listener the loss of a checked-out connection ends the process; the statement under way rejects anyway.
  const ignore = (): void => undefined;
  client.on('error', ignore);
  let broken = true;
  try {
    await unavailableAsSuch(client.query('BEGIN'));
    const { commit, value } = await work({ database: { pool: client } });
    await unavailableAsSuch(client.query(commit ? 'COMMIT' : 'ROLLBACK'));
    broken = false;
    return value;
  } finally {
    client.removeListener('error', ignore);
    // A transaction that did not end goes with its connection.
    client.release(broken);
  }
}
