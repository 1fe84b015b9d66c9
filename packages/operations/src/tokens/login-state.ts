import { type Database, openCredentials, readTokenStates } from '@emr-payments/db';
import { type EmrConnection, tokenKeysOf } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

/**
 * How a connection's login at its EMR is:
 * - `static`: its credentials never change, and are tried with each request;
 * - `unused`: no token has been fetched yet;
 * - `good`: a token was fetched;
 * - `login_required`: the EMR has ended it, and payments wait for a person who logs in again;
 * - `unknown`: the connection cannot be opened here.
 */
export type LoginState = 'static' | 'unused' | 'good' | 'login_required' | 'unknown';

/** Reads what is stored about the login of a connection. It calls no EMR. */
export async function loginOf(
  deps: { database: Pick<Database, 'pool'>; keyring: Keyring },
  { credentials, ...connection }: Omit<EmrConnection, 'credentials'> & { credentials: string | null },
): Promise<LoginState> {
  let keys: string[];
  try {
    const { userId } = connection;
    keys = tokenKeysOf({
      ...connection,
      credentials: openCredentials(deps.keyring, { userId, credentials }),
    });
  } catch {
    return 'unknown';
  }
  if (keys.length === 0) return 'static';
  const states = await readTokenStates(deps, { keys });
  if (states.some(({ state }) => state === 'login_required')) return 'login_required';
  return states.some(({ expiresAt }) => expiresAt !== null) ? 'good' : 'unused';
}
