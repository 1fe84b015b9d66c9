import { postgresClient } from '@emr-payments/runtime/postgres';
import type { Client, ClientBase } from 'pg';

export const APPLICATION_NAME = 'emr-payments migrate';

/**
 * A migration may take as long as it needs, whatever the role or the database sets: a time-out would end it halfway, and end the
 * connection that keeps other processes from migrating while it waits. A setting that this server does not know is not named.
 */
export const liftTimeouts = (client: Pick<ClientBase, 'query'>): Promise<unknown> =>
  client.query(`
    SELECT set_config(name, '0', false) FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout')`);

/**
 * Without this the server goes on with a statement whose process was killed, for minutes with all its locks. It looks for the other end once a second.
 * A server on Windows cannot, and refuses the setting.
 */
const noticeLostClient = (client: Client): Promise<unknown> =>
  client.query(`SET client_connection_check_interval = '1s'`).catch(() => undefined);

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
  await liftTimeouts(client);
  await noticeLostClient(client);
  return client;
}
