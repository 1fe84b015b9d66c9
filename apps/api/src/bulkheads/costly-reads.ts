import { type Database, isStatementTimeout } from '@emr-payments/db';
import type { Shares } from '@emr-payments/runtime';

/** A costly read did not end within the time that one statement has. PostgreSQL has stopped it. */
export class ReadTooCostlyError extends Error {
  override name = 'ReadTooCostlyError';
}

/** The database as a costly read gets it. */
export type CostlyDeps = { database: Pick<Database, 'pool'> };

/**
 * Reads whose cost grows with what a tenant has: lists, reconciliations, counts. They have connections of their own with a
 * shorter time for a statement, and each client a share of them, so that no number of them takes a connection that a payment
 * needs.
 */
export type CostlyReads = {
  /**
   * Runs statements one after the other on one of the connections. A read whose caller has gone keeps its place until its
   * statement ends, so that going away and asking again gains nothing.
   *
   * @throws ShareExceededError when the client has too many of them under way.
   * @throws LateError when other clients have all connections for too long.
   * @throws ReadTooCostlyError when a statement takes too long.
   */
  run<T>(owner: { clientPk: number }, work: (deps: CostlyDeps) => Promise<T>): Promise<T>;
};

export function createCostlyReads({ database, shares }: CostlyDeps & { shares: Shares }): CostlyReads {
  return {
    run: ({ clientPk }, work) =>
      shares.run(clientPk, async () => {
        try {
          return await work({ database });
        } catch (error) {
          if (!isStatementTimeout(error)) throw error;
          throw new ReadTooCostlyError('the statement took too long', { cause: error });
        }
      }),
  };
}
