import { type Database, forgetEndedLogins, openCredentials } from '@emr-payments/db';
import { type EmrConnection, tokenKeysOf } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Forgets the logins of a connection that have ended and that it uses no more since it was saved: nobody has to log in for them. One
 * that is good stays for its time, because another connection may use it too.
 */
export async function forgetReplacedLogins(
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  {
    former: { credentials, ...former },
    present,
  }: {
    former: Omit<EmrConnection, 'credentials'> & { credentials: string | null };
    present: EmrConnection;
  },
): Promise<void> {
  let keys: string[];
  try {
    const { userId } = former;
    const used = tokenKeysOf(present);
    keys = tokenKeysOf({
      ...former,
      credentials: openCredentials(keyring, { userId, credentials }),
    }).filter((key) => !used.includes(key));
  } catch {
    // Retention removes them in time.
    return;
  }
  if (keys.length > 0) await forgetEndedLogins({ database }, { keys });
}
