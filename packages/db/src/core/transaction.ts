import type { Pool, PoolClient } from 'pg';
import { isConflict, type StatementDeps, unavailableAsSuch } from './statements.ts';

/** Only in types: a pool does not have it. */
declare const inOneTransaction: unique symbol;

/** The statements of one transaction. A row lock lasts until its end, so whatever takes one asks for this and not for a pool. */
export type Transaction = StatementDeps & { readonly [inOneTransaction]: true };

/**
 * Lends one connection of the pool to a piece of work.
 *
 * @param work gets the connection, and `keep`: without a call of it the connection is closed afterwards, which rolls back a
 *   transaction that did not end and drops temporary tables.
 * @throws DatabaseUnavailableError when PostgreSQL cannot be reached.
 */
export async function onOneConnection<T>(
  { database: { pool } }: { database: { pool: Pool } },
  work: (client: PoolClient, keep: () => void) => Promise<T>,
): Promise<T> {
  const client = await unavailableAsSuch(pool.connect());
  let broken = true;
  try {
    return await work(client, () => {
      broken = false;
    });
  } finally {
    client.release(broken);
  }
}

/** Runs a transaction on a connection. When this throws, the connection has to be closed. */
export async function transactOn<T>(
  client: PoolClient,
  work: (tx: Transaction) => Promise<{ commit: boolean; value: T }>,
): Promise<T> {
  await unavailableAsSuch(client.query('BEGIN'));
  const statements: StatementDeps = { database: { pool: client } };
  const { commit, value } = await work(statements as Transaction);
  await unavailableAsSuch(client.query(commit ? 'COMMIT' : 'ROLLBACK'));
  return value;
}

/**
 * Runs a few statements in one transaction on one connection. For what is not hot: a hot path is one statement. Every
 * statement keeps its own time-out, and a broken connection is thrown away, so nothing is ever left half done.
 *
 * @param work returns whether to commit. It must make no HTTP call.
 * @throws DatabaseUnavailableError when PostgreSQL cannot be reached; whether the transaction was committed is then unknown.
 */
export async function inTransaction<T>(
  deps: { database: { pool: Pool } },
  work: (tx: Transaction) => Promise<{ commit: boolean; value: T }>,
): Promise<T> {
  return onOneConnection(deps, async (client, keep) => {
    const value = await transactOn(client, work);
    keep();
    return value;
  });
}

/** Runs a transaction, and once more after a conflict with others (`isConflict`): nothing of it was done. */
export async function onceMoreAfterConflict<T>(transaction: () => Promise<T>): Promise<T> {
  try {
    return await transaction();
  } catch (error) {
    if (!isConflict(error)) throw error;
    return transaction();
  }
}

/**
 * Does what `inTransaction` does, and repeats it once after a conflict.
 *
 * @param work may run twice: it changes nothing but the database, and keeps nothing from its first run.
 */
export const inRepeatableTransaction: typeof inTransaction = (deps, work) =>
  onceMoreAfterConflict(() => inTransaction(deps, work));
