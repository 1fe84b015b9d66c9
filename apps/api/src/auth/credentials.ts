import { atMost, hashSecret, sameHash } from '@emr-payments/runtime';
import { LRUCache } from 'lru-cache';
import { createProvenCredentials } from './proven-credentials.ts';

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

/** `until`: the time of the clock from which the look-up is not to be believed any more. */
type Client = { outcome: 'client'; clientPk: number; secretHashes: readonly Buffer[]; until: number };
type Found<T> = { found: T | null };
/** `now()` is in milliseconds and only grows. */
type Clock = { now(): number };

/** The result of checking the client's two headers. It holds until a time of the clock. */
export type ClientOutcome =
  | { outcome: 'client'; clientPk: number; until: number }
  | { outcome: 'invalid_client' };

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

const NOBODY: Client = { outcome: 'client', clientPk: 0, secretHashes: [hashSecret('')], until: 0 };
const NOTHING = { outcome: 'invalid_client' } as const;
const NO_USER = { outcome: 'user_not_found' } as const;

/**
 * Makes the check of a client. An unknown client is cached like a known one and its secret is compared with a dummy, so
 * that the time of an answer does not reveal which client ids exist. Requests that miss the cache together share one
 * look-up, and those that it would refuse share the next one.
 *
 * Only what accepts a secret is believed for `TTL_MS`. Before a secret is refused the client is looked up again, because the secret may
 * have been made since: a client uses its new secret in the moment in which it gets it. The limit on failed authentications of an
 * address bounds what that costs.
 */
export function createAuthenticateClient({
  lookup,
  clock = performance,
}: {
  lookup: Pick<CredentialLookup, 'findClient'>;
  clock?: Clock;
}): AuthenticateClient {
  type Entry = Found<Client> & { number: number };
  /** Look-ups that have begun: each has the next number. */
  let begun = 0;
  const clients = new LRUCache<string, Entry>({
    ...atMost(MAX_ENTRIES),
    ttl: TTL_MS,
    perf: clock,
    fetchMethod: async (clientId) => {
      begun += 1;
      const number = begun;
      const until = clock.now() + TTL_MS;
      const client = await lookup.findClient(clientId);
      return { found: client && { outcome: 'client', ...client, until }, number };
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

  async function lookUp(clientId: string, secret: string): Promise<ClientOutcome> {
    const before = begun;
    const entry = await clients.forceFetch(clientId, { forceRefresh: true });
    const result = outcome(entry, secret);
    if (result.outcome === 'client' || entry.number > before) return result;
    return outcome(await clients.forceFetch(clientId, { forceRefresh: true }), secret);
  }

  return ({ clientId, clientSecret }) => {
    if (!clientId || !clientSecret || clientId.length > MAX_LENGTH || clientSecret.length > MAX_LENGTH)
      return NOTHING;
    const cached = clients.get(clientId);
    const known = cached === undefined ? NOTHING : outcome(cached, clientSecret);
    return known.outcome === 'client' ? known : lookUp(clientId, clientSecret);
  };
}

/**
 * Makes the check of a caller: the client first, then the user. Three headers that were accepted are known by one hash
 * (`createProvenCredentials`) for as long as both look-ups hold, so a credential that is revoked ends with the first of them.
 */
export function createAuthenticate({
  lookup,
  clock = performance,
  authenticateClient = createAuthenticateClient({ lookup, clock }),
}: {
  lookup: CredentialLookup;
  clock?: Clock;
  authenticateClient?: AuthenticateClient;
}): Authenticate {
  type Entry = Found<Caller> & { until: number };
  const callers = new LRUCache<string, Entry, { clientPk: number; tokenHash: Buffer }>({
    ...atMost(MAX_ENTRIES),
    ttl: TTL_MS,
    perf: clock,
    fetchMethod: async (_key, _stale, { context: { clientPk, tokenHash } }) => {
      const until = clock.now() + TTL_MS;
      const user = await lookup.findUser({ clientPk, tokenHash });
      return { found: user && { clientPk, userId: user.userId, userPublicId: user.publicId }, until };
    },
  });

  const proven = createProvenCredentials<AuthOutcome>({ most: MAX_ENTRIES, longest: MAX_LENGTH, clock });

  return (headers) => {
    const { key, known } = proven.find(headers);
    if (known !== undefined) return known;

    const outcome = (client: { until: number }, { found, until }: Entry): AuthOutcome => {
      if (found === null) return NO_USER;
      const accepted: AuthOutcome = { outcome: 'caller', caller: found };
      if (key !== null) proven.add(key, accepted, Math.min(client.until, until));
      return accepted;
    };
    const findCaller = (client: ClientOutcome): AuthOutcome | Promise<AuthOutcome> => {
      const { accessToken } = headers;
      if (client.outcome === 'invalid_client') return client;
      if (accessToken === undefined || accessToken === '' || accessToken.length > MAX_LENGTH) return NO_USER;
      const tokenHash = hashSecret(accessToken);
      const { clientPk } = client;
      const callerKey = `${clientPk}:${tokenHash.toString('latin1')}`;
      const cached = callers.get(callerKey);
      if (cached !== undefined) return outcome(client, cached);
      return callers
        .forceFetch(callerKey, { context: { clientPk, tokenHash } })
        .then((found) => outcome(client, found));
    };
    const client = authenticateClient(headers);
    return client instanceof Promise ? client.then(findCaller) : findCaller(client);
  };
}
