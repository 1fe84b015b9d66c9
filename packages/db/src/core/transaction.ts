import type { Database } from './database.ts';
import { type StatementDeps, unavailableAsSuch } from './statements.ts';

/**
 * Runs a few statements in one transaction on one connection. For what is not hot: a hot path is one statement. Every
 * statement keeps its own time-out, and a broken connection is thrown away, so nothing is ever left half done.
 *
 * @param work returns whether to commit. It must make no HTTP call.
 * @throws DatabaseUnavailableError when PostgreSQL cannot be reached; whether the transaction was committed is then unknown.
 */
export async function inTransaction<T>(
  { database: { pool } }: { database: Pick<Database, 'pool'> },
  work: (tx: StatementDeps) => Promise<{ commit: boolean; value: T }>,
): Promise<T> {
  const client = await unavailableAsSuch(pool.connect());
  // Without a listener, losing a checked-out connection would end the process. The statement under way rejects anyway.
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
    // Closing the connection rolls back a transaction that did not end.
    client.release(broken);
  }
}
