import type { Transaction } from '../core/transaction.ts';
import { type NextHealth, nextHealth } from './next-state.ts';
import { isLoginStopped, readHealth, type StoredHealth } from './read-health.ts';
import { writeHealthIn } from './write-health.ts';

/** A worker that notes an exchange at the same moment makes one more round necessary, and then waits for this transaction. */
const MOST_ROUNDS = 5;

/**
 * Decides the state after the connection was saved. The EMR accepted what was saved, if that was checked: an outage has ended. Without a
 * check nothing is known, so the state stays as it is: a broken login stops nothing any more, and one probe is sent.
 */
function afterSave({ health, now }: StoredHealth, checked: boolean): NextHealth | null {
  if (checked) return nextHealth(health, { exchange: { kind: 'answered' }, now, beganAt: now });
  if (!isLoginStopped({ health, now })) return null;
  return { health: { ...health, stoppedUntil: now }, event: null };
}

/**
 * Opens the gate of a connection that was saved, and ends its outage where the EMR accepted the credentials, in the transaction of the
 * save.
 *
 * @param input.checked the EMR answered with what is saved now.
 * @returns false when nothing was written.
 */
export async function healthAfterSave(
  tx: Transaction,
  { userId, checked }: { userId: number; checked: boolean },
): Promise<boolean> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const stored = await readHealth(tx, { userId });
    const next = stored === null ? null : afterSave(stored, checked);
    if (stored === null || next === null) return false;
    if (await writeHealthIn(tx, { stored, userId, next })) return true;
  }
  throw new Error(`the state of connection ${userId} is changed again and again`);
}
