import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TokenSource } from '../adapter-deps.ts';
import type { Grant } from '../grant.ts';
import { OPEN_NETWORK } from '../network.ts';
import { isTrouble } from '../trouble.ts';
import { memoryTokenStore } from './memory-token-store.ts';
import { type OidcServer, openOidcServer, SECRET } from './oidc-provider.fixture.ts';
import { createTokenSources } from './token-sources.ts';

let server: OidcServer;
beforeAll(async () => {
  server = await openOidcServer();
});
afterAll(() => server.close());

const get = (source: TokenSource, rejected?: string) =>
  source.get({
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    network: OPEN_NETWORK,
    permit: async () => null,
    throttled: async () => {},
    rejected,
  });
const sourceOf = (grant: Grant) => createTokenSources({ store: memoryTokenStore() }).of(grant);
async function tokenOf(source: TokenSource, rejected?: string): Promise<string> {
  const got = await get(source, rejected);
  if (isTrouble(got)) throw new Error(JSON.stringify(got));
  return got.token;
}

const withSecret = (clientAuth: 'basic' | 'post', clientSecret = SECRET): Grant => ({
  kind: 'client_credentials',
  tokenUrl: server.tokenUrl,
  clientId: server.clients[clientAuth],
  clientSecret,
  clientAuth,
  scope: 'system/*.crus',
});
const withKey = (alg: 'RS384' | 'ES384'): Grant => ({
  kind: 'private_key_jwt',
  tokenUrl: server.tokenUrl,
  clientId: server.clients[alg],
  privateKeyJwk: server.keys[alg],
  scope: 'system/*.crus',
});

test.each(['basic', 'post'] as const)(
  'an OAuth server that is not ours takes client credentials by %s',
  async (by) => {
    expect(await server.isLive(await tokenOf(sourceOf(withSecret(by))))).toBe(true);
  },
);

test.each(['RS384', 'ES384'] as const)('and assertions signed by %s, each once', async (alg) => {
  const source = sourceOf(withKey(alg));
  const first = await tokenOf(source);
  const second = await tokenOf(source, first);
  expect(second).not.toBe(first);
  expect(await server.isLive(second)).toBe(true);
});

test('it rejects a wrong secret, a wrong key and a scope that the client has not', async () => {
  expect(await get(sourceOf(withSecret('basic', 'wrong')))).toMatchObject({ code: 'unauthorized' });
  expect(await get(sourceOf(withSecret('post', 'wrong')))).toMatchObject({ code: 'unauthorized' });
  expect(await get(sourceOf({ ...withKey('RS384'), clientId: server.clients.ES384 } as Grant))).toMatchObject(
    {
      code: 'unauthorized',
    },
  );
  expect(await get(sourceOf({ ...withSecret('post'), scope: 'user/*.crus' } as Grant))).toMatchObject({
    code: 'token_not_available',
    emrText: expect.stringContaining('invalid_scope'),
  });
});

test('a refresh token passes through many renewals, and one that was used before ends the login', async () => {
  const login: Grant = {
    kind: 'refresh_token',
    tokenUrl: server.tokenUrl,
    clientId: server.clients.basic,
    clientSecret: SECRET,
    clientAuth: 'basic',
    refreshToken: await server.logIn(),
  };
  const store = memoryTokenStore();
  const { put } = store;
  // As if it had expired each time: a rejection soon after another would not be believed.
  store.put = (lease, pair) => put(lease, { ...pair, afterRejection: false });
  const workers = [1, 2, 3, 4].map(() => createTokenSources({ store }).of(login));
  let token = await tokenOf(workers[0] as TokenSource);
  // The workers are one to the server: a second use of a refresh token would end the whole login there.
  for (let round = 0; round < 4; round += 1) {
    const [next = '', ...others] = await Promise.all(workers.map((each) => tokenOf(each, token)));
    expect(new Set(others)).toEqual(new Set([next]));
    expect(next).not.toBe(token);
    expect(await server.isLive(next)).toBe(true);
    token = next;
  }
  // A worker that knows nothing of the store uses the first one again.
  expect(await get(sourceOf(login))).toMatchObject({ code: 'login_required' });
});
