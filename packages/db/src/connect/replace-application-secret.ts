import { type Keyring, seal } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { healthAfterSave } from '../health/health-after-save.ts';
import { lockUser } from '../locks/parent-rows.ts';
import { connectionRow, openCredentials } from '../tenants/save-connection.ts';

type Row = { userId: number; credentials: string | null };

/** The base URL of an application has no slash at its end. */
const FIND = {
  name: 'find-connections-of-application',
  text: `
    SELECT user_id AS "userId", credentials FROM connections
     WHERE adapter = $1 AND rtrim(base_url, '/') = $2 AND credentials IS NOT NULL ORDER BY user_id`,
};

const READ = {
  name: 'read-credentials-to-replace',
  text: 'SELECT user_id AS "userId", credentials FROM connections WHERE user_id = $1',
};

/** Opened adapters are kept by `updated_at`, so it changes even within a millisecond. */
const REPLACE = {
  name: 'replace-application-secret',
  text: `
    UPDATE connections SET credentials = $2, updated_at = greatest(now(), updated_at + interval '1 millisecond')
     WHERE user_id = $1`,
};

/**
 * Gives the connections that were made by a login with an application its new secret: the login is the same one, and nobody but this service
 * knows its refresh token. Only those that have the former secret: it goes nowhere where that did not go. One whose credentials no key opens
 * is left as it is.
 */
export async function replaceApplicationSecret(
  { keyring, ...tx }: Transaction & { keyring: Keyring },
  {
    adapter,
    baseUrl,
    clientId,
    former,
    secret,
    by,
  }: { adapter: string; baseUrl: string; clientId: string; former: string; secret: string; by: Actor },
): Promise<void> {
  /** The credentials with the new secret; null: they are not of this application. */
  function replaced(row: Row | undefined): string | null {
    if (row === undefined) return null;
    let credentials: Record<string, string>;
    try {
      credentials = openCredentials(keyring, row);
    } catch {
      return null;
    }
    const { client_id, client_secret, refresh_token } = credentials;
    if (client_id !== clientId || client_secret !== former || refresh_token === undefined) return null;
    const present = JSON.stringify({ ...credentials, client_secret: secret });
    return seal(keyring, connectionRow(row.userId), present);
  }

  for (const found of await query<Row>(tx, FIND, [adapter, baseUrl])) {
    if (replaced(found) === null) continue;
    const { userId } = found;
    const user = await lockUser(tx as Transaction, { userId });
    const sealed = replaced((await query<Row>(tx, READ, [userId]))[0]);
    if (user === null || sealed === null) continue;
    await query(tx, REPLACE, [userId, sealed]);
    await healthAfterSave(tx as Transaction, { userId, checked: false, written: true });
    await recordAudit(tx, {
      ...by,
      action: 'user.connect',
      subject: `user:${user.publicId}`,
      outcome: 'done',
      detail: { secret_of_application: true },
    });
  }
}
