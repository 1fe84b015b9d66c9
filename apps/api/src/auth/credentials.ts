import { hashSecret, sameHash } from '@emr-payments/runtime';
import { LRUCache } from 'lru-cache';

/** The author of a request: a client, for one of its users. */
export type Caller = { clientPk: number; userId: number; userPublicId: string };

/** Looks up credentials. Both functions return null for credentials that are unknown, disabled, expired or another client's. */
export type CredentialLookup = {
  findClient(clientId: string): Promise<{ clientPk: number; secretHashes: Buffer[] } | null>;
  findUser(key: {
    clientPk: number;
    tokenHash: Buffer;
  }): Promise<{ userId: number; publicId: string } | null>;
};

export type AuthOutcome =
  | { outcome: 'caller'; caller: Caller }
  | { outcome: 'invalid_client' }
  | { outcome: 'user_not_found' };

type Client = { outcome: 'client'; clientPk: number; secretHashes: readonly Buffer[] };
type Found<T> = { found: T | null };

/** The result of checking the client's two headers. */
export type ClientOutcome = { outcome: 'client'; clientPk: number } | { outcome: 'invalid_client' };

/** Checks the client's two headers, for requests that concern no user. It is as fast as `Authenticate`. */
export type AuthenticateClient = (headers: {
  clientId: string | undefined;
  clientSecret: string | undefined;
}) => ClientOutcome | Promise<ClientOutcome>;

/** Checks the three headers. When all is cached it answers without a promise, so that a busy caller costs no tick. */
export type Authenticate = (headers: {
  clientId: string | undefined;
  clientSecret: string | undefined;
  accessToken: string | undefined;
}) => AuthOutcome | Promise<AuthOutcome>;

/** Lifetime of a cached look-up: a revoked credential stops working after this plus one look-up. */
const TTL_MS = 3000;
const MAX_ENTRIES = 20_000;
const MAX_LENGTH = 255;

const NOBODY: Client = { outcome: 'client', clientPk: 0, secretHashes: [hashSecret('')] };
const NOTHING = { outcome: 'invalid_client' } as const;
const NO_USER = { outcome: 'user_not_found' } as const;

/**
 * Makes the check of a client. An unknown client is cached like a known one and its secret is compared with a dummy, so
 * that the time of an answer does not reveal which client ids exist. Requests that miss the cache together share one
 * look-up.
 */
export function createAuthenticateClient({
  lookup,
}: {
  lookup: Pick<CredentialLookup, 'findClient'>;
}): AuthenticateClient {
  const clients = new LRUCache<string, Found<Client>>({
    max: MAX_ENTRIES,
    ttl: TTL_MS,
    fetchMethod: async (clientId) => {
      const client = await lookup.findClient(clientId);
      return { found: client && { outcome: 'client', ...client } };
    },
  });

  const outcome = ({ found }: Found<Client>, secret: string): ClientOutcome => {
    const client = found ?? NOBODY;
    const hash = hashSecret(secret);
    let same = false;
    // All hashes are compared, even after a match, so that the time does not depend on which one matches.
    for (const one of client.secretHashes) same = sameHash(one, hash) || same;
    return same && found !== null ? found : NOTHING;
  };

  return ({ clientId, clientSecret }) => {
    if (!clientId || !clientSecret || clientId.length > MAX_LENGTH || clientSecret.length > MAX_LENGTH)
      return NOTHING;
    const cached = clients.get(clientId);
    return cached === undefined
      ? clients.forceFetch(clientId).then((entry) => outcome(entry, clientSecret))
      : outcome(cached, clientSecret);
  };
}

/** Makes the check of a caller: the client first, then the user. */
export function createAuthenticate({
  lookup,
  authenticateClient = createAuthenticateClient({ lookup }),
}: {
  lookup: CredentialLookup;
  authenticateClient?: AuthenticateClient;
}): Authenticate {
  const callers = new LRUCache<string, Found<Caller>, { clientPk: number; tokenHash: Buffer }>({
    max: MAX_ENTRIES,
    ttl: TTL_MS,
    fetchMethod: async (_key, _stale, { context: { clientPk, tokenHash } }) => {
      const user = await lookup.findUser({ clientPk, tokenHash });
      return { found: user && { clientPk, userId: user.userId, userPublicId: user.publicId } };
    },
  });

  const outcome = ({ found }: Found<Caller>): AuthOutcome =>
    found === null ? NO_USER : { outcome: 'caller', caller: found };

  const findCaller = (
    client: ClientOutcome,
    accessToken: string | undefined,
  ): AuthOutcome | Promise<AuthOutcome> => {
    if (client.outcome === 'invalid_client') return client;
    if (accessToken === undefined || accessToken === '' || accessToken.length > MAX_LENGTH) return NO_USER;
    const tokenHash = hashSecret(accessToken);
    const key = `${client.clientPk}:${tokenHash.toString('latin1')}`;
    const cached = callers.get(key);
    if (cached !== undefined) return outcome(cached);
    return callers.forceFetch(key, { context: { clientPk: client.clientPk, tokenHash } }).then(outcome);
  };

  return ({ clientId, clientSecret, accessToken }) => {
    const client = authenticateClient({ clientId, clientSecret });
    return client instanceof Promise
      ? client.then((late) => findCaller(late, accessToken))
      : findCaller(client, accessToken);
  };
}
