import { type Database, giveUpToken, leaseToken, lookAtToken, putToken } from '@emr-payments/db';
import type { TokenStore } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Keeps the tokens of EMRs in the database, sealed, for all workers.
 *
 * @param options.discardUnopened true: a pair that no key opens counts as none. For an operator who gives the credentials again.
 */
export function databaseTokenStore(
  deps: { database: Pick<Database, 'pool'>; keyring: Keyring },
  { discardUnopened = false }: { discardUnopened?: boolean } = {},
): TokenStore {
  return {
    look: (key) => lookAtToken(deps, { key, discardUnopened }),
    lease: (input) => leaseToken(deps, input),
    put: (lease, { expiresInMs, ...pair }) => putToken(deps, { lease, pair, expiresInMs }),
    giveUp: (lease, end) => giveUpToken(deps, { ...lease, ...end }),
  };
}
