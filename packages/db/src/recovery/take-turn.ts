import type { Database } from '../core/database.ts';
import { inTransaction } from '../core/transaction.ts';
import { claimTurn, type Turn } from './claim-turn.ts';
import { countEnded } from './count-ended.ts';
import type { RecoveryState } from './find-recovery.ts';
import { readInIndexOrder } from './index-order.ts';
import { searchMissed } from './search-missed.ts';

export type TurnTaken = Turn & {
  /** Deliveries that were made pending. */
  queued: number;
  /** null: another worker had the next turn already, and nothing was changed. */
  state: RecoveryState | null;
};

/**
 * Takes the next turn of the recovery whose turn it is: searches a bounded number of events, makes due what the endpoint can
 * take in the next seconds, and counts what has ended, in one commit. A worker that dies half-way changes nothing; the turn is
 * given again. So a recovery of any size is a row and a chain of short transactions, each as cheap as a list of payments.
 *
 * @returns null when no recovery has anything to do now.
 */
export async function takeRecoveryTurn(deps: {
  database: Pick<Database, 'pool'>;
}): Promise<TurnTaken | null> {
  const turn = await claimTurn(deps);
  if (turn === null) return null;
  return inTransaction(deps, async (tx) => {
    await readInIndexOrder(tx);
    const queued = await searchMissed(tx, turn);
    const state = await countEnded(tx, turn);
    return { commit: true, value: { ...turn, queued, state } };
  });
}
