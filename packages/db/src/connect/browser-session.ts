import type { ClientMode } from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import { query, type StatementDeps } from '../core/statements.ts';

/** The session of a browser, as the page needs it. */
export type BrowserSession = {
  id: string;
  clientPk: number;
  clientId: string;
  clientName: string;
  clientMode: ClientMode;
  /** The user whose login is renewed; of a session that has connected, the user who was made. */
  userId: number | null;
  userPublicId: string | null;
  userName: string | null;
  renews: boolean;
  adapter: string | null;
  returnUrl: string;
  state: 'open' | 'connected' | 'canceled';
  /** Sealed for `connectSessionRow`. */
  held: string | null;
  expiresAt: Date;
};

const FIND = {
  name: 'find-browser-session',
  text: `
    SELECT s.id, s.client_pk AS "clientPk", c.client_id AS "clientId", c.name AS "clientName", c.mode::text AS "clientMode", s.user_id AS "userId",
           u.public_id AS "userPublicId", u.name AS "userName", s.renews, s.adapter, s.return_url AS "returnUrl", s.state::text, s.held,
           s.expires_at AS "expiresAt"
      FROM connect_sessions s JOIN clients c ON c.id = s.client_pk LEFT JOIN users u ON u.id = s.user_id
     WHERE s.cookie_hash = $1 AND s.expires_at > now() AND c.disabled_at IS NULL AND (u.id IS NULL OR u.disabled_at IS NULL)`,
};

/** Reads the session of a browser by its cookie; null when its time is over, or its client or user is disabled. */
export async function findBrowserSession(
  deps: StatementDeps,
  { cookie }: { cookie: string },
): Promise<BrowserSession | null> {
  const [row] = await query<BrowserSession>(deps, FIND, [hashSecret(cookie)]);
  return row ?? null;
}

/** Names the row that `held` is sealed for. */
export const connectSessionRow = (id: string): string => `connect_session:${id}`;

/** Most checks of a connection in one session: each makes calls to an address that a person typed. */
export const MOST_TRIES = 20;

const COUNT_TRY = {
  name: 'count-connect-try',
  text: `
    UPDATE connect_sessions SET tries = tries + 1
     WHERE id = $1 AND state = 'open' AND expires_at > now() AND tries < ${MOST_TRIES} RETURNING tries`,
};

/** Counts a check. false: the session has had its last one, or is over. */
export async function countConnectTry(deps: StatementDeps, { id }: { id: string }): Promise<boolean> {
  return (await query(deps, COUNT_TRY, [id])).length === 1;
}
