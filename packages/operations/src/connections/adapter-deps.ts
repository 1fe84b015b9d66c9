import { type Database, isUnavailable, openCallCounter } from '@emr-payments/db';
import {
  type AdapterDeps,
  type CallCounter,
  createNetworks,
  createTokenSources,
  type EmrAdapter,
  type EmrConnection,
  type NetworkOwner,
  type Networks,
  openAdapter,
  type RateBucket,
} from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { databaseTokenStore } from '../tokens/database-token-store.ts';

type Deps = {
  database: Pick<Database, 'pool'>;
  keyring: Keyring;
  sandboxHosts: SandboxHosts;
  /** Those of the process. Absent: made for this call. */
  networks?: Networks | undefined;
  onFault: (error: unknown) => void;
};

export type SharedAdapterDeps = Omit<AdapterDeps, 'network'> & {
  networks: Networks;
  /** Waits for the renewals of tokens under way. To be called before the database closes. */
  settled(): Promise<void>;
};

/**
 * Opens the parts that the adapters of all processes share, over PostgreSQL.
 *
 * @param deps.onFault gets an error of ours, of which the caller learns only that there was one. Not an outage of PostgreSQL, which
 *   everything else reports.
 * @param options.yields true: a process that posts nothing. Its calls use of a vendor's limit only what postings leave.
 * @param options.retriesLogin true for a check that an operator starts: a login that has ended is tried once more.
 * @param options.discardUnopened true: a stored token that no key opens counts as none.
 */
export function openAdapterDeps(
  {
    database,
    keyring,
    sandboxHosts,
    networks = createNetworks({ sandboxHosts: sandboxHosts.entries }),
    onFault,
  }: Deps,
  {
    yields,
    retriesLogin = false,
    discardUnopened = false,
  }: { yields: boolean; retriesLogin?: boolean; discardUnopened?: boolean },
): SharedAdapterDeps {
  const counter = openCallCounter({ database }, { yields });
  const reported = (error: unknown): never => {
    if (!isUnavailable(error)) onFault(error);
    throw error;
  };
  const calls: CallCounter = {
    take: (bucket, options) => counter.take(bucket, options).catch(reported),
    pause: (bucket, options) => counter.pause(bucket, options).catch(reported),
  };
  const tokens = createTokenSources({
    store: databaseTokenStore({ database, keyring }, { discardUnopened }),
    retriesLogin,
    onFault: (error) => {
      if (!isUnavailable(error)) onFault(error);
    },
  });
  return { tokens, calls, networks, settled: tokens.settled };
}

/** Opens an adapter over the network that its connection may use. @throws Error when the connection cannot be used as it is set up. */
export const openOver = (
  { networks, ...deps }: Omit<SharedAdapterDeps, 'settled'>,
  connection: EmrConnection & NetworkOwner,
): EmrAdapter => openAdapter(connection, { ...deps, network: networks.of(connection) });

/**
 * Opens what the check of a connection uses. An error of ours ends the check, and its sentence says so. Tokens are those of the service:
 * a refresh token that the check uses up is stored under the credential, where the saved connection finds the next one.
 *
 * @param options.givesCredentials true: the operator gives the credentials again, so that a stored token that no key opens is not missed.
 */
export const checkingDeps = (
  deps: Omit<Deps, 'onFault'>,
  { givesCredentials }: { givesCredentials: boolean },
): SharedAdapterDeps =>
  openAdapterDeps(
    { ...deps, onFault: () => undefined },
    {
      yields: true,
      retriesLogin: true,
      discardUnopened: givesCredentials,
    },
  );

/**
 * Reads the vendor's limit of requests off a connection. null when the vendor names none, and when the connection cannot be opened as
 * it is set up: the worker that opens it when that is mended gives it its bucket.
 */
export function bucketOf(
  deps: SharedAdapterDeps,
  connection: Omit<EmrConnection, 'userId'> & NetworkOwner,
): RateBucket | null {
  try {
    // A bucket does not depend on the user.
    return openOver(deps, { ...connection, userId: 0 }).bucket;
  } catch {
    return null;
  }
}

/**
 * Says why an adapter cannot be opened with a connection: no call is made. Saved all the same, every payment of the user would wait
 * for a fault of ours.
 */
export function openingProblem(
  deps: SharedAdapterDeps,
  connection: Omit<EmrConnection, 'userId'> & NetworkOwner,
): string | null {
  try {
    openOver(deps, { ...connection, userId: 0 });
    return null;
  } catch (error) {
    return `${(error as Error).message}.`;
  }
}
