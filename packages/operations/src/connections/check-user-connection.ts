import { type Database, findUser, openCredentials } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { checkConnection } from './check-connection.ts';

export type UserCheckOutcome =
  | { outcome: 'works'; methods: number; locations: number; unusable: readonly string[] }
  | { outcome: 'not_working'; reason: string }
  /** No key of the keyring opens the credentials. */
  | { outcome: 'sealed' }
  | { outcome: 'no_connection' }
  | { outcome: 'no_user' };

/** Tries a user's stored connection as the worker would use it, without writing anything in the EMR. */
export async function checkUserConnection(
  { database, keyring }: { database: Database; keyring: Keyring },
  { publicId }: { publicId: string },
): Promise<UserCheckOutcome> {
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  if (user.connection === null) return { outcome: 'no_connection' };
  const { adapter, baseUrl, timeZone, credentials: stored } = user.connection;
  let credentials: Record<string, string>;
  try {
    credentials = openCredentials(keyring, { userId: user.id, credentials: stored });
  } catch {
    return { outcome: 'sealed' };
  }
  const settings = user.connection.settings as Record<string, unknown>;
  const checked = await checkConnection({
    userId: user.id,
    adapter,
    baseUrl,
    timeZone,
    credentials,
    settings,
  });
  if (!checked.ok) return { outcome: 'not_working', reason: checked.reason };
  const { methods, locations, unusable } = checked;
  return { outcome: 'works', methods, locations, unusable };
}
