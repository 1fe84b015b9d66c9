import { afterEach, beforeEach, expect, test } from 'vitest';
import type { TokenCall, TokenSource } from '../adapter-deps.ts';
import type { Grant } from '../grant.ts';
import { OPEN_NETWORK } from '../network.ts';
import { isTrouble, type Trouble } from '../trouble.ts';
import { memoryTokenStore } from './memory-token-store.ts';
import { CLIENT, openTokenServer, type TokenServer } from './testing/token-server.ts';
import { tokenKey } from './token-key.ts';
import { createTokenSources, type OwnTokenSources } from './token-sources.ts';
import type { TokenStore } from './token-store.ts';

let server: TokenServer;
let store: TokenStore;
let faults: unknown[];
beforeEach(async () => {
  server = await openTokenServer();
  store = memoryTokenStore();
  faults = [];
});
afterEach(() => server.close());

/** The sources of one worker. */
const worker = (extra: { retriesLogin?: boolean } = {}): OwnTokenSources =>
  createTokenSources({ store, onFault: (error) => faults.push(error), ...extra });

const client = { clientId: CLIENT.id, clientSecret: CLIENT.secret, clientAuth: 'basic' } as const;
const clientCredentials = (): Grant => ({ kind: 'client_credentials', tokenUrl: server.url, ...client });
const refreshToken = (token = 'first'): Grant => ({
  kind: 'refresh_token',
  tokenUrl: server.url,
  ...client,
  refreshToken: token,
});

const get = (source: TokenSource, call: Partial<TokenCall> = {}) =>
  source.get({
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    network: OPEN_NETWORK,
    permit: async () => null,
    throttled: async () => {},
    ...call,
  });
async function tokenOf(source: TokenSource, call: Partial<TokenCall> = {}): Promise<string> {
  const got = await get(source, call);
  if (isTrouble(got)) throw new Error(`${got.code}: ${got.detail}`);
  return got.token;
}
async function troubleOf(source: TokenSource, call: Partial<TokenCall> = {}): Promise<Trouble> {
  const got = await get(source, call);
  if (!isTrouble(got)) throw new Error('there is a token');
  return got;
}

test.each(['basic', 'post'] as const)(
  'client credentials by %s get a token that is kept',
  async (clientAuth) => {
    const source = worker().of({
      ...clientCredentials(),
      kind: 'client_credentials',
      clientAuth,
      scope: 'a b',
    } as Grant);
    const token = await tokenOf(source);
    expect(server.live.access).toContain(token);
    expect(await tokenOf(source)).toBe(token);
    // Another worker finds it in the store.
    expect(await tokenOf(worker().of({ ...clientCredentials(), clientAuth, scope: 'a b' } as Grant))).toBe(
      token,
    );
    expect(server.calls).toHaveLength(1);
    expect(Object.fromEntries(server.calls[0]?.body ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'a b',
      ...(clientAuth === 'post' ? { client_id: CLIENT.id, client_secret: CLIENT.secret } : {}),
    });
  },
);

test('two credentials have two tokens; the same one is shared', () => {
  const keys = [
    clientCredentials(),
    { ...clientCredentials(), clientSecret: 'other' } as Grant,
    { ...clientCredentials(), scope: 'x' } as Grant,
    refreshToken(),
    refreshToken('second'),
  ].map(tokenKey);
  expect(new Set(keys).size).toBe(5);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  // A new client secret continues the same login.
  expect(tokenKey({ ...refreshToken(), clientSecret: 'new' } as Grant)).toBe(keys[3]);
});

test('many requests of many workers at once renew once, and the refresh token passes from one to the next', async () => {
  const workers = Array.from({ length: 5 }, () => worker());
  const all = () =>
    Promise.all(workers.flatMap((one) => [1, 2, 3].map(() => tokenOf(one.of(refreshToken())))));
  const [first = '', ...others] = await all();
  expect(new Set(others)).toEqual(new Set([first]));
  expect(server.refreshes).toBe(1);
  // Each of them is rejected, and only the first of them renews.
  const again = await Promise.all(workers.map((one) => tokenOf(one.of(refreshToken()), { rejected: first })));
  expect(new Set(again).size).toBe(1);
  expect(again[0]).not.toBe(first);
  expect(server.refreshes).toBe(2);
  expect(server.calls[1]?.body.get('refresh_token')).toMatch(/^rt-/);
});

test('a renewal with a client secret that has been replaced says nothing about the new one', async () => {
  const one = worker();
  let go = () => {};
  const held = new Promise<null>((resolve) => {
    go = () => resolve(null);
  });
  const old = troubleOf(one.of({ ...refreshToken(), clientSecret: 'old' } as Grant), { permit: () => held });
  await expect.poll(async () => (await store.look(tokenKey(refreshToken()))).leased).toBe(true);
  const present = tokenOf(one.of(refreshToken()));
  go();
  expect(await old).toMatchObject({ code: 'unauthorized' });
  expect(server.live.access).toContain(await present);
  expect(server.calls).toHaveLength(2);
});

test('a token is renewed before it expires', async () => {
  server.lifetimeS = 2;
  const source = worker().of(refreshToken());
  const first = await tokenOf(source);
  await expect.poll(() => tokenOf(source), { timeout: 20_000 }).not.toBe(first);
  expect(server.live.access.size).toBe(1);
});

test('while another renews it, the old token is used as long as it is good', async () => {
  const first = await tokenOf(worker().of(refreshToken()));
  const key = tokenKey(refreshToken());
  expect(await store.lease({ key, generation: 1, leaseMs: 60_000 })).not.toBeNull();
  expect(await tokenOf(worker().of(refreshToken()))).toBe(first);
  // One that has no use for the old token waits, and gives up when its time is over.
  const aborting = new AbortController();
  const waiting = get(worker().of(refreshToken()), { rejected: first, signal: aborting.signal });
  aborting.abort();
  expect(await waiting).toMatchObject({ code: 'aborted' });
  expect(server.refreshes).toBe(1);
});

test('a request that is aborted leaves the renewal running: its pair is stored', async () => {
  const aborting = new AbortController();
  const sources = worker();
  const waiting = get(sources.of(refreshToken()), { signal: aborting.signal });
  await expect.poll(() => server.calls.length).toBe(1);
  aborting.abort();
  expect(['aborted', undefined]).toContain(((await waiting) as Partial<Trouble>).code);
  await sources.settled();
  expect(server.live.access).toContain(await tokenOf(worker().of(refreshToken())));
  expect(server.refreshes).toBe(1);
});

test('after a lost answer the same refresh token is sent once more; a dead one needs a login', async () => {
  // The server has not acted: the token is still good.
  server.next = [{ fault: 'cut', after: false }];
  expect((await troubleOf(worker().of(refreshToken()))).code).toBe('connection_reset');
  const token = await tokenOf(worker().of(refreshToken()));
  // The server has acted: the pair is lost with the answer.
  server.next = [{ fault: 'cut', after: true }];
  expect((await troubleOf(worker().of(refreshToken()), { rejected: token })).code).toBe('connection_reset');
  expect((await troubleOf(worker().of(refreshToken()), { rejected: token })).code).toBe('login_required');
  const calls = server.calls.length;
  expect((await troubleOf(worker().of(refreshToken()), { rejected: token })).code).toBe('login_required');
  expect(server.calls.length).toBe(calls);
  // An operator's check tries once more, and a new login is another credential.
  expect((await troubleOf(worker({ retriesLogin: true }).of(refreshToken()), { rejected: token })).code).toBe(
    'login_required',
  );
  expect(server.calls.length).toBe(calls + 1);
  server.live.refresh.add('second');
  expect(server.live.access).toContain(await tokenOf(worker().of(refreshToken('second'))));
});

test('a holder that was stopped leaves a lease that ends by itself', async () => {
  await store.lease({ key: tokenKey(refreshToken()), generation: 0, leaseMs: 300 });
  expect(server.live.access).toContain(await tokenOf(worker().of(refreshToken())));
});

test('a pair that cannot be stored at once is stored later, and used only then', async () => {
  const { put } = store;
  let failures = 2;
  store.put = async (...input) => {
    if (failures-- > 0) throw new Error('the store is away');
    return put(...input);
  };
  expect(server.live.access).toContain(await tokenOf(worker().of(refreshToken())));
  expect(failures).toBe(-1);
});

test('a token that the EMR rejects though it is new is not renewed again and again', async () => {
  const source = worker().of(clientCredentials());
  const first = await tokenOf(source);
  const second = await tokenOf(source, { rejected: first });
  expect(await troubleOf(source, { rejected: second })).toMatchObject({ code: 'unauthorized' });
  expect(server.calls).toHaveLength(2);
});

test('while the token endpoint fails, a token that is still good is used', async () => {
  server.lifetimeS = 2;
  const source = worker().of(clientCredentials());
  const first = await tokenOf(source);
  server.next = Array.from({ length: 20 }, () => ({ status: 500 }));
  await expect.poll(() => tokenOf(source).then(() => server.calls.length), { timeout: 20_000 }).toBe(2);
  expect(await tokenOf(source)).toBe(first);
  // One failure is enough for some seconds.
  expect(server.calls).toHaveLength(2);
});

test("a token endpoint's Retry-After keeps every worker away", async () => {
  server.next = [{ status: 429, headers: { 'retry-after': '7' } }];
  expect(await troubleOf(worker().of(clientCredentials()))).toMatchObject({
    code: 'rate_limited',
    retryAfterMs: 7000,
  });
  const { code, retryAfterMs = 0 } = await troubleOf(worker().of(clientCredentials()));
  expect({ code, soon: retryAfterMs > 6000 && retryAfterMs <= 7000 }).toEqual({
    code: 'rate_limited',
    soon: true,
  });
  expect(server.calls).toHaveLength(1);
});

test("a token endpoint's Retry-After of days keeps the credential waiting for an hour", async () => {
  server.next = [{ status: 429, headers: { 'retry-after': '86400' } }];
  await troubleOf(worker().of(clientCredentials()));
  const { retryAfterMs = 0 } = await troubleOf(worker().of(clientCredentials()));
  expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  expect(retryAfterMs).toBeGreaterThan(3_500_000);
});

test('a token call is counted, and not made when the limit is used up', async () => {
  const limit: Trouble = { code: 'rate_limited', detail: 'x' as Trouble['detail'], retryAfterMs: 50 };
  let counted = 0;
  const permit = async () => (++counted === 1 ? limit : null);
  const source = worker().of(clientCredentials());
  expect(await get(source, { permit })).toEqual(limit);
  expect(server.calls).toHaveLength(0);
  await tokenOf(source, { permit });
  await tokenOf(source, { permit });
  expect(counted).toBe(2);
});

test('an error of the store is a fault of ours: nothing is sent', async () => {
  store.look = async () => {
    throw new Error('no such key');
  };
  expect(await troubleOf(worker().of(clientCredentials()))).toMatchObject({ code: 'our_fault' });
  expect(faults).toHaveLength(1);
});
