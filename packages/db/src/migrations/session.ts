import { postgresClient } from '@emr-payments/runtime/postgres';
import type { Client, ClientBase } from 'pg';

export const APPLICATION_NAME = 'emr-payments migrate';

/**
 * A migration may take as long as it needs, whatever the role or the database sets: a time-out would end it halfway, and end the
 * connection that keeps other processes from migrating while it waits. A setting that this server does not know is not named.
 */
const liftTimeouts = (client: Pick<ClientBase, 'query'>): Promise<unknown> =>
  client.query(`
    SELECT set_config(name, '0', false) FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')`);

/**
 * Without the first of these the server goes on with a statement whose process was killed, for minutes with all its locks: it looks for the other end once
 * a second (a server on Windows cannot, and refuses the setting). Without the others it keeps the session of a machine that has vanished, and the next
 * process waits for that: for two hours, by Linux's default. They ask an idle connection's other end after 10 s, and give it up 15 s later.
 */
const NOTICES = [
  `SET client_connection_check_interval = '1s'`,
  'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3',
];

/** Makes a connection one on which migrations can run: nothing but its own end or its work's ends it. */
export async function prepareSession(client: Pick<ClientBase, 'query'>): Promise<void> {
  await liftTimeouts(client);
  for (const setting of NOTICES) await client.query(setting).catch(() => undefined);
}

/** Opens a connection for migrations. @param input.url of the role that owns the tables. */
export async function openSession({
  url,
  applicationName,
}: {
  url: string;
  applicationName: string;
}): Promise<Client> {
  const client = postgresClient({ url, application_name: applicationName, keepAlive: true });
  // A lost connection is noticed by the statement that is running on it, or by the next one.
  client.on('error', () => undefined);
  await client.connect();
  await prepareSession(client);
  return client;
}

/**
 * Says what a connection that cannot be made means: the first one that was made was good, so address and password are, and a server or a pooler
 * has no place for as many.
 *
 * @throws Error with a sentence for the operator.
 */
export const amongThree = <T>(connecting: Promise<T>): Promise<T> =>
  connecting.catch((cause: Error) => {
    throw new Error(
      `Migrating needs three connections at once, and got fewer: ${cause.message}. Let the server, or the pooler in between (default_pool_size, max_client_conn), take three more; DATABASE_DIRECT_URL can lead past a pooler.`,
      { cause },
    );
  });
