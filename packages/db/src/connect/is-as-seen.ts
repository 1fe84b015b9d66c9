import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { lockUser } from '../locks/parent-rows.ts';

const FIND = {
  name: 'find-connection-as-seen',
  text: 'SELECT FROM connections WHERE user_id = $1 AND updated_at = $2::timestamptz FOR NO KEY UPDATE',
};

/**
 * True when the connection of a user is the one that a renewal began with, and stays so until the end of the transaction. A renewal
 * writes all of it back: what an operator changed while its login was tried would be lost.
 *
 * @param input.seenAt when the connection that the renewal has read was last changed.
 */
export async function isConnectionAsSeen(
  tx: Transaction,
  { userId, seenAt }: { userId: number; seenAt: Date },
): Promise<boolean> {
  const user = await lockUser(tx, { userId });
  if (user === null || user.disabledAt !== null) return false;
  return (await query(tx, FIND, [userId, seenAt.toISOString()])).length === 1;
}
