import { query, type StatementDeps } from '../core/statements.ts';

/** A session as the integrator reads it. */
export type ConnectSessionRecord = {
  id: string;
  /** `expired`: it was open when its time was over. */
  state: 'open' | 'connected' | 'canceled' | 'expired';
  /** `user_…`: the user whose login is renewed, or who was made. */
  userPublicId: string | null;
  renews: boolean;
  adapter: string | null;
  returnUrl: string;
  createdAt: Date;
  expiresAt: Date;
  endedAt: Date | null;
  tokenTakenAt: Date | null;
};

const FIND = {
  name: 'find-connect-session',
  text: `
    SELECT s.id, CASE WHEN s.state = 'open' AND s.expires_at <= now() THEN 'expired' ELSE s.state::text END AS state,
           u.public_id AS "userPublicId", s.renews, s.adapter, s.return_url AS "returnUrl", s.created_at AS "createdAt",
           s.expires_at AS "expiresAt", s.ended_at AS "endedAt", s.token_taken_at AS "tokenTakenAt"
      FROM connect_sessions s LEFT JOIN users u ON u.id = s.user_id
     WHERE s.id = $1 AND s.client_pk = $2`,
};

/** Reads a session of a client; null when there is none of that id, or it is another client's. */
export async function findConnectSession(
  deps: StatementDeps,
  { id, clientPk }: { id: string; clientPk: number },
): Promise<ConnectSessionRecord | null> {
  const [row] = await query<ConnectSessionRecord>(deps, FIND, [id, clientPk]);
  return row ?? null;
}
