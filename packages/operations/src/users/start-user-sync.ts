import {
  type Actor,
  type Database,
  findUser,
  inTransaction,
  type StartedSync,
  startSync,
} from '@emr-payments/db';

/** Starts a sync of a user's connection, if none is under way. */
export async function startUserSync(
  { database }: { database: Database },
  { publicId, full, by }: { publicId: string; full: boolean; by: Actor },
): Promise<StartedSync | { outcome: 'no_user' }> {
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  return inTransaction<StartedSync>({ database }, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId: user.id, full, by }),
  }));
}
