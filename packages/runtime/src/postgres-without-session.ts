import { Client } from 'pg';
import { parsePostgresUrl } from './postgres-url.ts';

const WITHIN_MS = 2_000;

/** For the operator: what it means that `isWithoutSession` is true, and what to do. */
export const WITHOUT_SESSION =
  'PostgreSQL takes the login and then gives no session: a pooler in between (PgBouncer) has none left. ' +
  'Give it as many as the service needs (default_pool_size; docs/postgresql.md, "Connections"), or set DATABASE_DIRECT_URL to the address of PostgreSQL itself';

async function hangsAfterLogin(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: WITHIN_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch {
    client.end().catch(() => undefined);
    return false;
  }
  try {
    const asked = { text: 'SELECT 1', query_timeout: WITHIN_MS };
    await client.query(asked);
    return false;
  } catch (error) {
    // That of pg's own time-out: an answer of the server, or the end of the connection, is another one.
    return error instanceof Error && error.message === 'Query read timeout';
  } finally {
    client.end().catch(() => undefined);
  }
}

/**
 * Finds out whether an address takes our login and then answers no statement. So does a pooler whose sessions are all taken: PostgreSQL itself
 * gives a session with the login, or refuses it.
 *
 * @returns false also when no connection can be made.
 */
export async function isWithoutSession({ url }: { url: string }): Promise<boolean> {
  const found = await Promise.all(parsePostgresUrl(url).hosts.map((host) => hangsAfterLogin(host.url)));
  return found.includes(true);
}
