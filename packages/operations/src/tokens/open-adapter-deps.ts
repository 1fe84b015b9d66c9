import type { Database } from '@emr-payments/db';
import { type AdapterDeps, createTokenSources, localAdapterDeps } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';
import { databaseTokenStore } from './database-token-store.ts';

export type SharedAdapterDeps = AdapterDeps & {
  /** Waits for the renewals of tokens under way. To be called before the database closes. */
  settled(): Promise<void>;
};

/**
 * Makes the parts that adapters share over all processes of the service: access tokens are kept in the database.
 *
 * @param options.onFault called for an error of ours that keeps a token from being read or renewed.
 * @param options.afterLogin true for a check that an operator starts: a login that has ended is tried once more.
 * @param options.discardUnopened true: a stored pair that no key opens counts as none.
 */
export function openAdapterDeps(
  deps: { database: Pick<Database, 'pool'>; keyring: Keyring },
  {
    onFault,
    afterLogin = false,
    discardUnopened = false,
  }: { onFault?: (error: unknown) => void; afterLogin?: boolean; discardUnopened?: boolean } = {},
): SharedAdapterDeps {
  const tokens = createTokenSources({
    store: databaseTokenStore(deps, { discardUnopened }),
    retriesLogin: afterLogin,
    ...(onFault === undefined ? {} : { onFault }),
  });
  return { tokens, calls: localAdapterDeps().calls, settled: tokens.settled };
}
