import type { Transaction } from '../core/transaction.ts';
import { hastenRejected } from './hasten-rejected.ts';
import { afterNewValues, type Health, type NextHealth, nextHealth } from './next-state.ts';
import { isLoginStopped, readHealth, type StoredHealth } from './read-health.ts';
import { writeHealthIn } from './write-health.ts';

/** A worker that notes an exchange at the same moment makes one more round necessary, and then waits for this transaction. */
const MOST_ROUNDS = 5;

type Saved = {
  /** The EMR answered with what is saved now. */
  checked: boolean;
  /** The connection was saved with other values than it had. */
  written: boolean;
};

/**
 * Decides the state after the connection was saved. The EMR accepted what was saved, if that was checked: an outage has ended. Without a
 * check nothing is known, so the state stays as it is: a broken login stops nothing any more, and one probe is sent.
 */
function afterSave({ health, now }: StoredHealth, { checked, written }: Saved): NextHealth | null {
  const saved = written ? afterNewValues(health) : health;
  const answered = { exchange: { kind: 'answered' }, subject: 'other', now, beganAt: now } as const;
  const next = checked ? nextHealth(saved, answered) : null;
  if (next !== null) return next;
  if (isLoginStopped({ health, now })) return { health: { ...saved, stoppedUntil: now }, event: null };
  return isSame(saved, health) ? null : { health: saved, event: null };
}

const isSame = (one: Health, other: Health): boolean =>
  one.doubtful === other.doubtful &&
  one.rejections === other.rejections &&
  one.savedSinceBroken === other.savedSinceBroken;

/**
 * Opens the gate of a connection that was saved, and ends its outage where the EMR accepted the credentials, in the transaction of the
 * save. The payments and syncs whose last try was rejected are due at once.
 *
 * @returns `released`: calls that a rejected login had stopped, or jobs that it had put off, are tried again.
 */
export async function healthAfterSave(
  tx: Transaction,
  { userId, ...saved }: Saved & { userId: number },
): Promise<{ changed: boolean; released: boolean }> {
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const stored = await readHealth(tx, { userId });
    if (stored === null) return { changed: false, released: false };
    const next = afterSave(stored, saved);
    if (next !== null && !(await writeHealthIn(tx, { stored, userId, next }))) continue;
    const hastened = await hastenRejected(tx, { userId });
    const isBroken = stored.health.state === 'login_required';
    return {
      changed: next !== null || hastened > 0,
      released: hastened > 0 || (next !== null && isBroken),
    };
  }
  throw new Error(`the state of connection ${userId} is changed again and again`);
}
