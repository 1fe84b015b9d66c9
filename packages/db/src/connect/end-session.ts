import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

const CONNECT = {
  name: 'end-connect-session',
  text: `
    UPDATE connect_sessions SET state = 'connected', user_id = $2, ended_at = now(), held = NULL, login_hash = NULL
     WHERE id = $1 AND state = 'open' AND expires_at > now() AND (NOT renews OR user_id = $2) RETURNING id`,
};

const CANCEL = {
  name: 'cancel-connect-session',
  text: `
    UPDATE connect_sessions SET state = 'canceled', ended_at = now(), held = NULL, login_hash = NULL
     WHERE id = $1 AND state = 'open' AND expires_at > now() RETURNING id`,
};

/** Ends a session in the transaction that saves its connection. false: it has ended before, so that transaction must be undone. */
export async function endConnectSession(
  tx: Transaction,
  { id, userId }: { id: string; userId: number },
): Promise<boolean> {
  return (await query(tx, CONNECT, [id, userId])).length === 1;
}

/** Ends a session without a connection. false: it has ended before. */
export async function cancelConnectSession(deps: StatementDeps, { id }: { id: string }): Promise<boolean> {
  return (await query(deps, CANCEL, [id])).length === 1;
}
