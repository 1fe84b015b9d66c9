import { query, type StatementDeps } from '../core/statements.ts';
import type { PageAfter } from '../endpoints/endpoint-record.ts';
import type { HealthState } from '../health/next-state.ts';

export type ListedUser = {
  publicId: string;
  clientId: string;
  name: string;
  /** null: it has no connection. */
  adapter: string | null;
  baseUrl: string | null;
  timeZone: string | null;
  /** null: it has no connection. */
  state: HealthState | null;
  validTokens: number;
  createdAt: Date;
  disabledAt: Date | null;
};

const SHOWN = `
  u.public_id AS "publicId", c.client_id AS "clientId", u.name, n.adapter, n.base_url AS "baseUrl", n.time_zone AS "timeZone",
  CASE WHEN n.user_id IS NOT NULL THEN coalesce(s.state, 'connected') END AS state, u.created_at AS "createdAt", u.disabled_at AS "disabledAt",
  (SELECT count(*)::int FROM access_tokens t
    WHERE t.user_id = u.id AND (t.expires_at IS NULL OR t.expires_at > now())) AS "validTokens"`;
const FROM = `
  FROM users u JOIN clients c ON c.id = u.client_pk LEFT JOIN connections n ON n.user_id = u.id
  LEFT JOIN connection_states s ON s.user_id = u.id`;

const LIST = {
  name: 'page-of-users',
  text: `
    SELECT ${SHOWN} ${FROM}
     WHERE ($1::text IS NULL OR c.client_id = $1)
       AND ($2::timestamptz IS NULL OR (u.created_at, u.public_id) < ($2, $3))
     ORDER BY u.created_at DESC, u.public_id DESC LIMIT $4`,
};
const FIND = { name: 'find-listed-user', text: `SELECT ${SHOWN} ${FROM} WHERE u.public_id = $1` };

/** Lists the users of all clients, or of one, newest first, for the operator. Credentials are not read. */
export async function pageOfUsers(
  deps: StatementDeps,
  { clientId, after, limit }: { clientId: string | undefined; after: PageAfter | null; limit: number },
): Promise<ListedUser[]> {
  const values = [clientId ?? null, after?.createdAt ?? null, after?.id ?? null, limit];
  return query<ListedUser>(deps, LIST, values);
}

/** Finds a user as the list shows it; null when there is none of that id. */
export async function findListedUser(
  deps: StatementDeps,
  { publicId }: { publicId: string },
): Promise<ListedUser | null> {
  const [row] = await query<ListedUser>(deps, FIND, [publicId]);
  return row ?? null;
}
