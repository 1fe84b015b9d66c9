import {
  type Actor,
  type Database,
  findUserPk,
  inTransaction,
  type StartedSync,
  startSync,
  type Transaction,
} from '@emr-payments/db';

type Input = { publicId: string; full: boolean; by: Actor };
type Outcome = StartedSync | { outcome: 'no_user' };

/** Does what `startUserSync` does, in a transaction of the caller. What is neither `started` nor `raised` has written nothing. */
export async function startUserSyncIn(tx: Transaction, { publicId, full, by }: Input): Promise<Outcome> {
  const userId = await findUserPk(tx, { publicId });
  return userId === null ? { outcome: 'no_user' } : startSync(tx, { userId, full, by });
}

/** Starts a sync of a user's connection, if none is under way. One that is becomes a full one where that is requested. */
export const startUserSync = (
  { database }: { database: Pick<Database, 'pool'> },
  input: Input,
): Promise<Outcome> =>
  inTransaction({ database }, async (tx) => ({ commit: true, value: await startUserSyncIn(tx, input) }));
