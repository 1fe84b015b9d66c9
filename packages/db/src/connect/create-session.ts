import { newConnectSessionId } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { lockClient } from '../locks/parent-rows.ts';

/** How long a link, and the session that it opens, may be used. */
export const CONNECT_SESSION_MS = 15 * 60_000;

/** Most sessions of one client that are open at a time. */
export const MOST_OPEN_SESSIONS = 500;

export type NewConnectSession =
  /** `secret`: for the fragment of the link. It is in clear and returned only here. */
  | { outcome: 'created'; id: string; secret: string }
  | { outcome: 'return_url_unknown' }
  | { outcome: 'user_not_found' }
  | { outcome: 'limit_reached' };

const COUNT = {
  name: 'count-open-connect-sessions',
  text: `
    SELECT count(*)::int AS open FROM connect_sessions
     WHERE client_pk = $1 AND created_at > now() - make_interval(secs => ${CONNECT_SESSION_MS / 1000}) AND state = 'open' AND expires_at > now()`,
};

const FIND_USER = {
  name: 'find-user-to-renew',
  text: `
    SELECT u.id FROM users u JOIN connections c ON c.user_id = u.id
     WHERE u.public_id = $2 AND u.client_pk = $1 AND u.disabled_at IS NULL`,
};

const FIND_RETURN_URL = {
  name: 'find-return-url',
  text: 'SELECT FROM client_return_urls WHERE client_pk = $1 AND url = $2',
};

const CREATE = {
  name: 'create-connect-session',
  text: `
    INSERT INTO connect_sessions (id, client_pk, user_id, renews, adapter, return_url, link_hash, expires_at)
    VALUES ($1, $2, $3::int, $3::int IS NOT NULL, $4, $5, $6, now() + make_interval(secs => ${CONNECT_SESSION_MS / 1000}))`,
};

/**
 * Creates a session of the connect page, under a lock on the client.
 *
 * @param input.userPublicId the user whose login is renewed; null: the session makes a user.
 * @param input.adapter the only adapter that the person may choose; null: any.
 */
export async function createConnectSession(
  tx: Transaction,
  input: {
    clientPk: number;
    userPublicId: string | null;
    adapter: string | null;
    returnUrl: string;
    by: Actor;
  },
): Promise<NewConnectSession> {
  const { clientPk, userPublicId, adapter, returnUrl, by } = input;
  await lockClient(tx, { clientPk });
  if ((await query(tx, FIND_RETURN_URL, [clientPk, returnUrl])).length === 0)
    return { outcome: 'return_url_unknown' };
  const [user] =
    userPublicId === null ? [] : await query<{ id: number }>(tx, FIND_USER, [clientPk, userPublicId]);
  if (userPublicId !== null && user === undefined) return { outcome: 'user_not_found' };
  const [count] = await query<{ open: number }>(tx, COUNT, [clientPk]);
  if ((count?.open ?? 0) >= MOST_OPEN_SESSIONS) return { outcome: 'limit_reached' };
  const id = newConnectSessionId();
  const secret = newSecret('cl_');
  await query(tx, CREATE, [id, clientPk, user?.id ?? null, adapter, returnUrl, hashSecret(secret)]);
  await recordAudit(tx, {
    ...by,
    action: 'connect_session.create',
    subject: `connect_session:${id}`,
    outcome: 'done',
    ...(userPublicId === null ? {} : { detail: { user_id: userPublicId } }),
  });
  return { outcome: 'created', id, secret };
}
