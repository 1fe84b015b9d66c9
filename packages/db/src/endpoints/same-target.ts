import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

/**
 * Reduces a URL to where its webhooks go: scheme, host and port, path and query as the URL parser writes them (WHATWG), so lower case
 * for scheme and host, no default port, `/` for an empty path. A fragment is not sent.
 */
export function targetOf(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return `${origin}${pathname}${search}`;
}

const ENDPOINTS = {
  name: 'endpoints-of-client',
  text: `
    SELECT id, url, disabled_at IS NULL AS enabled FROM webhook_endpoints
     WHERE client_pk = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
};

/**
 * Reads all endpoints of a client whose row is locked (`lockClient`): until the end of the transaction none is added and none gets
 * another URL.
 *
 * @returns how many there are, and a search for an enabled one, other than `except`, that has the target of a URL.
 */
export async function endpointsOfClient(
  tx: Transaction,
  { clientPk }: { clientPk: number },
): Promise<{ count: number; enabledAt(url: string, except?: string): string | null }> {
  const rows = await query<{ id: string; url: string; enabled: boolean }>(tx, ENDPOINTS, [clientPk]);
  return {
    count: rows.length,
    enabledAt(url, except) {
      const target = targetOf(url);
      const same = rows.find((row) => row.enabled && row.id !== except && targetOf(row.url) === target);
      return same?.id ?? null;
    },
  };
}
