import {
  findOldTokens,
  listConnections,
  openCredentials,
  removeOldTokens,
  type ServiceDatabase,
} from '@emr-payments/db';
import { tokenKeysOf } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

/** Names the credentials of all connections. @throws Error when one of them cannot be opened. */
async function usedKeys({
  database,
  keyring,
}: {
  database: ServiceDatabase;
  keyring: Keyring;
}): Promise<ReadonlySet<string>> {
  const connections = await listConnections({ database });
  return new Set(
    connections.flatMap(({ userId, adapter, baseUrl, timeZone, credentials, settings }) =>
      tokenKeysOf({
        userId,
        adapter,
        baseUrl,
        timeZone,
        credentials: openCredentials(keyring, { userId, credentials }),
        settings,
      }),
    ),
  );
}

/**
 * Removes the access tokens that no connection uses and that nobody has renewed for so many days: those of credentials that were
 * replaced. The ones of a connection without payments stay, because its refresh token is needed for the next one. While a connection
 * cannot be opened nothing is removed: nobody knows which are its.
 *
 * @returns how many were removed.
 */
export async function pruneTokens(
  deps: { database: ServiceDatabase; keyring: Keyring },
  { days }: { days: number },
): Promise<number> {
  const old = await findOldTokens(deps, { days });
  if (old.length === 0) return 0;
  let used: ReadonlySet<string>;
  try {
    used = await usedKeys(deps);
  } catch {
    return 0;
  }
  const keys = old.filter((key) => !used.has(key));
  return keys.length === 0 ? 0 : removeOldTokens(deps, { days, keys });
}
