import { postgresClient } from '@emr-payments/runtime/postgres';
import type { Client } from 'pg';
import { unavailableAsSuch } from '../core/statements.ts';

/** A connection of the role that owns the tables, for what takes minutes: it has no time-out for a statement. */
export type OwnerSession = { client: Client };

const MAY = {
  text: `SELECT pg_has_role(relowner, 'USAGE') AS owns FROM pg_class WHERE oid = 'payments'::regclass`,
};

/**
 * Lends a connection of the owner's to a piece of work, and closes it afterwards: a transaction that did not end is rolled back.
 * Times are written as UTC, and tables are read from their beginning, so that two copies of a table are the same bytes.
 *
 * @returns null when the role of this URL does not own the tables.
 * @throws DatabaseUnavailableError when PostgreSQL cannot be reached.
 */
export async function withOwnerSession<T>(
  { url }: { url: string },
  work: (session: OwnerSession) => Promise<T>,
): Promise<T | null> {
  const client = postgresClient({
    url,
    application_name: 'emr-payments archive',
    connectionTimeoutMillis: 3_000,
    settings: {
      // A process that is frozen in a transaction must not keep what it has locked.
      idle_in_transaction_session_timeout: 60_000,
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      client_encoding: 'UTF8',
      synchronize_seqscans: 'off',
    },
  });
  // Without a listener, losing the connection would end the process. The statement under way rejects anyway.
  client.on('error', () => undefined);
  await unavailableAsSuch(client.connect());
  try {
    const { rows } = await unavailableAsSuch(client.query<{ owns: boolean }>(MAY));
    return rows[0]?.owns === true ? await work({ client }) : null;
  } finally {
    await client.end();
  }
}

/** `arch` in ASCII. */
const ARCHIVE_LOCK = 0x61726368;

/**
 * Makes this session the one that archives, until it ends. Two would write to the same files: one could drop a table whose file the
 * other is writing over.
 *
 * @returns false when another session archives.
 */
export async function beginArchiving({ client }: OwnerSession): Promise<boolean> {
  const { rows } = await unavailableAsSuch(
    client.query<{ alone: boolean }>('SELECT pg_try_advisory_lock($1) AS alone', [ARCHIVE_LOCK]),
  );
  return rows[0]?.alone === true;
}
