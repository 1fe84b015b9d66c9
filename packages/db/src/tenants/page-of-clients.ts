import type { ClientMode } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { PageAfter } from '../endpoints/endpoint-record.ts';

export type ListedClient = {
  clientId: string;
  name: string;
  mode: ClientMode;
  users: number;
  endpoints: number;
  validSecrets: number;
  createdAt: Date;
  disabledAt: Date | null;
};

const SHOWN = `
  c.client_id AS "clientId", c.name, c.mode, c.created_at AS "createdAt", c.disabled_at AS "disabledAt",
  (SELECT count(*)::int FROM users u WHERE u.client_pk = c.id) AS users,
  (SELECT count(*)::int FROM webhook_endpoints e WHERE e.client_pk = c.id AND e.deleted_at IS NULL) AS endpoints,
  (SELECT count(*)::int FROM client_secrets s
    WHERE s.client_pk = c.id AND (s.expires_at IS NULL OR s.expires_at > now())) AS "validSecrets"`;

const LIST = {
  name: 'page-of-clients',
  text: `
    SELECT ${SHOWN} FROM clients c
     WHERE $1::timestamptz IS NULL OR (c.created_at, c.client_id) < ($1, $2)
     ORDER BY c.created_at DESC, c.client_id DESC LIMIT $3`,
};
const FIND = { name: 'find-listed-client', text: `SELECT ${SHOWN} FROM clients c WHERE c.client_id = $1` };

/** Lists the clients, newest first, for the operator. */
export async function pageOfClients(
  deps: StatementDeps,
  { after, limit }: { after: PageAfter | null; limit: number },
): Promise<ListedClient[]> {
  return query<ListedClient>(deps, LIST, [after?.createdAt ?? null, after?.id ?? null, limit]);
}

/** Finds a client as the list shows it; null when there is none of that id. */
export async function findListedClient(
  deps: StatementDeps,
  { clientId }: { clientId: string },
): Promise<ListedClient | null> {
  const [row] = await query<ListedClient>(deps, FIND, [clientId]);
  return row ?? null;
}
