import { ConfigError } from '@emr-payments/runtime';
import { postgresClient } from '@emr-payments/runtime/postgres';
import type { Client } from 'pg';

const ROUNDS = 5;
const ASK_MS = 3_000;

const SHARED =
  'leads to a connection pooler that shares sessions between transactions, where prepared statements and settings of a session do not work. ' +
  'Set pool_mode=session for this database in PgBouncer, or give the address of PostgreSQL itself';

async function backendOf(client: Client): Promise<number> {
  const asked = { text: 'SELECT pg_backend_pid() AS pid', query_timeout: ASK_MS };
  return (await client.query<{ pid: number }>(asked)).rows[0]?.pid ?? 0;
}

/**
 * Finds out whether each connection has a session of its own, as with PostgreSQL itself and with a pooler in session mode.
 *
 * Behind a pooler the process id that a client is given at the start is not that of its session, which shows that there is a pooler. It
 * shares sessions when two open connections get the same one, twice: with PgBouncer in transaction mode the second connection gets the session that the first has just
 * given back, unless other clients are faster, so it is tried a few times.
 *
 * @throws the error of a connection that cannot be made.
 */
export async function hasOwnSessions({ url }: { url: string }): Promise<boolean> {
  const options = { url, application_name: 'emr-payments check', connectionTimeoutMillis: ASK_MS };
  const [first, second] = [postgresClient(options), postgresClient(options)];
  for (const client of [first, second]) client.on('error', () => undefined);
  try {
    await first.connect();
    const { processID } = first as unknown as { processID: number };
    if (processID === (await backendOf(first))) return true;
    await second.connect();
    for (let round = 0; round < ROUNDS; round += 1) {
      const [before, between, after] = [
        await backendOf(first),
        await backendOf(second),
        await backendOf(first),
      ];
      if (before === between && between === after) return false;
    }
    return true;
  } finally {
    await Promise.all([first.end(), second.end()]);
  }
}

/**
 * Refuses addresses whose connections share sessions. A database that cannot be reached is not refused: it may come back, and readiness
 * asks again.
 *
 * @param urls by the name of their variable; the same one twice is asked once.
 * @throws ConfigError with a sentence for the operator.
 */
export async function refuseSharedSessions(urls: Readonly<Record<string, string>>): Promise<void> {
  const names = new Map(Object.entries(urls).map(([name, url]) => [url, name]));
  for (const [url, name] of names) {
    const own = await hasOwnSessions({ url }).catch(() => true);
    if (!own) throw new ConfigError(`${name} ${SHARED}.`);
  }
}
