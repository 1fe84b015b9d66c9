import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

/** `sent_to` of what the lost time may have sent over a former connection of the user: no adapter has such a place, so nothing is called absent. */
export const FORMER_CONNECTION = 'a former connection';

const LEAVE = {
  name: 'leave-restored-doubts',
  text: `
    UPDATE posting_attempts a SET sent_to = $2 FROM payments p
     WHERE p.user_id = $1 AND p.status <> 'posted' AND a.payment_id = p.id AND a.number < 0 AND a.outcome = 'unknown' AND a.sent_to IS NULL
       AND EXISTS (SELECT FROM restores)`,
};

/**
 * Notes that the connection of a user now leads to another place than when a restore put its payments in doubt: the lost time may have sent
 * them there or here, so that an answer from here alone does not make one absent.
 */
export async function leaveRestoredDoubts(tx: Transaction, { userId }: { userId: number }): Promise<void> {
  await query(tx, LEAVE, [userId, FORMER_CONNECTION]);
}

/** Each such change has an entry with the number of patients that it forgot (`saveConnectionIn`). */
const MOVED = {
  name: 'find-moved-users',
  text: `
    SELECT DISTINCT u.id FROM audit_log a JOIN users u ON a.subject = 'user:' || u.public_id
     WHERE a.at > $1 AND a.action = 'user.connect' AND a.detail -> 'patients_forgotten' IS NOT NULL`,
};

/** Finds the users whose connection leads to another place since a time. */
export async function findMovedUsers(deps: StatementDeps, { since }: { since: Date }): Promise<number[]> {
  return (await query<{ id: number }>(deps, MOVED, [since])).map(({ id }) => id);
}
