import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

const CONNECT = {
  name: 'end-connect-session',
  text: `
    UPDATE connect_sessions s SET state = 'connected', user_id = u.id, ended_at = now(), held = NULL, login_hash = NULL
      FROM users u
     WHERE s.id = $1 AND u.public_id = $2 AND u.client_pk = s.client_pk AND s.state = 'open' AND s.expires_at > now()
       AND (NOT s.renews OR s.user_id = u.id)
    RETURNING u.id AS "userId", s.renews`,
};

const LEAVE_TOKEN = {
  name: 'leave-token-to-connect-session',
  text: 'DELETE FROM access_tokens WHERE user_id = $1',
};

const CANCEL = {
  name: 'cancel-connect-session',
  text: `
    UPDATE connect_sessions SET state = 'canceled', ended_at = now(), held = NULL, login_hash = NULL
     WHERE id = $1 AND state = 'open' AND expires_at > now() RETURNING id`,
};

/**
 * Ends a session in the transaction that saves its connection. The access token that was made with a new user is known to nobody, and
 * goes: the integrator's is made when it fetches it (`takeConnectToken`).
 *
 * @returns the user's row; null when the session has ended before, so that the transaction must be undone.
 */
export async function endConnectSession(
  tx: Transaction,
  { id, userPublicId }: { id: string; userPublicId: string },
): Promise<{ userId: number } | null> {
  const [row] = await query<{ userId: number; renews: boolean }>(tx, CONNECT, [id, userPublicId]);
  if (row === undefined) return null;
  const { userId, renews } = row;
  if (!renews) await query(tx, LEAVE_TOKEN, [userId]);
  return { userId };
}

/** Ends a session without a connection. false: it has ended before. */
export async function cancelConnectSession(deps: StatementDeps, { id }: { id: string }): Promise<boolean> {
  return (await query(deps, CANCEL, [id])).length === 1;
}
