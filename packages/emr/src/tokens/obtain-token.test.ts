import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Grant } from '../grant.ts';
import { OPEN_NETWORK } from '../network.ts';
import { obtainToken } from './obtain-token.ts';
import { CLIENT, openTokenServer, type TokenServer } from './testing/token-server.ts';

let server: TokenServer;
beforeEach(async () => {
  server = await openTokenServer();
});
afterEach(() => server.close());

const deps = { network: OPEN_NETWORK, timeoutMs: 1000, mayStillSend: () => true };
const credentials = (extra: Partial<Extract<Grant, { kind: 'client_credentials' }>> = {}): Grant => ({
  kind: 'client_credentials',
  tokenUrl: server.url,
  clientId: CLIENT.id,
  clientSecret: CLIENT.secret,
  clientAuth: 'post',
  ...extra,
});
const refresh = (): Grant => ({
  kind: 'refresh_token',
  tokenUrl: server.url,
  clientId: CLIENT.id,
  clientSecret: CLIENT.secret,
  clientAuth: 'post',
  refreshToken: 'first',
});
const exchange = (extra: Partial<Extract<Grant, { kind: 'exchange' }>> = {}): Grant => ({
  kind: 'exchange',
  tokenUrl: server.url,
  method: 'POST',
  headers: { authorization: 'THE-API-KEY', accept: 'application/vnd.vendor+json' },
  body: null,
  read: ({ status, body }) => (status === 201 ? { token: JSON.parse(body).t, expiresInMs: null } : null),
  credential: ['THE-API-KEY'],
  ...extra,
});
const obtain = (grant: Grant, refreshToken: string | null = null) =>
  obtainToken(deps, { grant, refreshToken });
const answering = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  server.next = [{ status, body: typeof body === 'string' ? body : JSON.stringify(body), headers }];
};

const good = { access_token: 'a.b-c_~+/=', token_type: 'bearer', expires_in: 60 };

test.each<[string, object | string, object]>([
  ['a token', good, { accessToken: 'a.b-c_~+/=', refreshToken: null, expiresInMs: 60_000 }],
  ['a lifetime as text', { ...good, expires_in: '60' }, { expiresInMs: 60_000 }],
  ['no lifetime', { access_token: 'a', token_type: 'BEARER' }, { expiresInMs: null }],
  ['members that are null', { ...good, refresh_token: null, scope: null }, { refreshToken: null }],
  ['an empty refresh token', { ...good, refresh_token: '' }, { refreshToken: null }],
  ['a lifetime below zero', { ...good, expires_in: -1 }, { expiresInMs: null }],
  ['a lifetime that is no number', { ...good, expires_in: 'never' }, { expiresInMs: null }],
  ['a lifetime that is an object', { ...good, expires_in: { s: 60 } }, { expiresInMs: null }],
  [
    'a lifetime without end',
    '{"access_token":"a","token_type":"bearer","expires_in":1e999}',
    { expiresInMs: null },
  ],
  ['scopes as a list', { ...good, scope: ['a', 'b'] }, { accessToken: 'a.b-c_~+/=' }],
  ['members that we do not know', { ...good, id_token: 'x', patient: 7 }, { accessToken: 'a.b-c_~+/=' }],
])('reads an answer with %s', async (_what, body, expected) => {
  answering(200, body);
  expect(await obtain(credentials())).toMatchObject(expected);
});

test.each<[string, unknown]>([
  ['no token', { token_type: 'bearer' }],
  ['a token of another type', { ...good, token_type: 'mac' }],
  ['a token that is bound to a key', { ...good, token_type: 'DPoP' }],
  ['a token that would break the header', { ...good, access_token: 'a\r\nx: y' }],
  ['a token with blanks', { ...good, access_token: 'a b' }],
  ['a token without end', { ...good, access_token: 'a'.repeat(9000) }],
  ['an empty token', { ...good, access_token: '' }],
  ['a token that is a number', { ...good, access_token: 7 }],
  ['a refresh token with a line break', { ...good, refresh_token: 'a\nb' }],
  ['two tokens', '{"access_token":"a","access_token":"b","token_type":"bearer"}'],
  ['a list', [good]],
  ['no JSON', '<html>Jane Doe</html>'],
  ['nothing', ''],
])('takes no token from an answer with %s, and quotes nothing of it', async (_what, body) => {
  answering(200, body);
  expect(await obtain(credentials())).toEqual({
    code: 'token_not_available',
    detail: "The EMR's token endpoint gave an answer without an access token (HTTP 200).",
  });
});

test('the type of its content is not what makes an answer one', async () => {
  answering(200, good, { 'content-type': 'text/html' });
  expect(await obtain(credentials())).toMatchObject({ accessToken: 'a.b-c_~+/=' });
});

test.each<[number, unknown, object]>([
  [401, { error: 'invalid_client' }, { code: 'unauthorized' }],
  [400, { error: 'invalid_client' }, { code: 'unauthorized' }],
  [401, 'Bad key', { code: 'unauthorized', emrText: 'Bad key' }],
  [400, { error: 'invalid_grant' }, { code: 'login_required' }],
  [401, { error: 'invalid_grant' }, { code: 'login_required' }],
  [400, { error: 'invalid_request' }, { code: 'token_not_available' }],
  [403, '', { code: 'token_not_available' }],
  [500, { error: 'invalid_grant' }, { code: 'token_not_available' }],
  [302, '', { code: 'token_not_available' }],
  [204, '', { code: 'token_not_available' }],
])('judges HTTP %d %j', async (status, body, expected) => {
  answering(status, body, { location: server.url, 'www-authenticate': 'Basic realm="x"' });
  expect(await obtain(refresh())).toMatchObject(expected);
  expect(server.calls).toHaveLength(1);
});

test('invalid_grant is the end of a login only where there is one', async () => {
  answering(400, { error: 'invalid_grant' });
  expect(await obtain(credentials())).toMatchObject({ code: 'token_not_available' });
});

test.each([429, 503])('keeps the Retry-After of HTTP %d', async (status) => {
  answering(status, '', { 'retry-after': '30' });
  const code = status === 429 ? 'rate_limited' : 'token_not_available';
  expect(await obtain(credentials())).toMatchObject({ code, retryAfterMs: 30_000 });
});

test.each([
  ['client_secret', () => obtain(credentials()), CLIENT.secret],
  ['basic', () => obtain(credentials({ clientAuth: 'basic' })), CLIENT.secret],
  ['refresh token', () => obtain(refresh(), 'rt-present'), 'rt-present'],
  ['api key', () => obtain(exchange()), 'THE-API-KEY'],
])('takes the %s out of the words of a server that repeats what it got', async (_what, ask, secret) => {
  server.repeats = true;
  const trouble = await ask();
  expect(trouble).toMatchObject({ emrText: expect.stringContaining('[credential]') });
  expect(JSON.stringify(trouble)).not.toContain(secret);
  expect(JSON.stringify(trouble)).not.toContain(new URLSearchParams({ x: secret }).toString().slice(2));
});

test.each<[string, () => void, string]>([
  ['no answer', () => server.next.push({ fault: 'hang', after: false }), 'timeout'],
  ['an answer without end', () => answering(200, 'x'.repeat(100_000)), 'answer_too_large'],
  ['a cut', () => server.next.push({ fault: 'cut', after: false }), 'connection_reset'],
])('names %s', async (_what, arrange, code) => {
  arrange();
  expect(await obtain(credentials())).toMatchObject({
    code,
    detail: expect.stringContaining('There is no access token. '),
  });
  expect(await obtain(exchange({ tokenUrl: 'http://127.0.0.1:1/' }))).toMatchObject({
    code: 'connection_refused',
  });
});

test('sends nothing after its lease has ended', async () => {
  const late = { ...deps, mayStillSend: () => false };
  expect(await obtainToken(late, { grant: refresh(), refreshToken: null })).toMatchObject({
    code: 'token_not_available',
  });
  expect(server.calls).toEqual([]);
  expect(server.live.refresh).toContain('first');
});

test('sends the present refresh token, and gives the next one', async () => {
  const first = await obtain(refresh());
  if (!('refreshToken' in first)) throw new Error(first.code);
  expect(first.refreshToken).toMatch(/^rt-/);
  await obtain(refresh(), first.refreshToken);
  expect(server.calls[1]?.text).toBe(
    `refresh_token=${first.refreshToken}&grant_type=refresh_token&client_id=our+client&client_secret=s3cret%2Bof%2Fours`,
  );
  expect(server.calls[1]?.headers['content-type']).toBe('application/x-www-form-urlencoded');
});

test('an assertion is for the token URL, for minutes, and for one use', async () => {
  const { privateKey } = await generateKeyPair('RS384', { extractable: true });
  const jwk = JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'key-1' });
  const grant: Grant = {
    kind: 'private_key_jwt',
    tokenUrl: server.url,
    clientId: 'us',
    privateKeyJwk: jwk,
    scope: 'system/*.crus',
  };
  server.next = [
    { status: 200, body: JSON.stringify(good) },
    { status: 200, body: JSON.stringify(good) },
  ];
  await obtain(grant);
  await obtain(grant);
  const [first, second] = server.calls.map(({ body }) => body.get('client_assertion') ?? '');
  expect(decodeProtectedHeader(first ?? '')).toEqual({ alg: 'RS384', kid: 'key-1', typ: 'JWT' });
  const { jti, iat = 0, ...claims } = decodeJwt(first ?? '');
  expect(claims).toEqual({ iss: 'us', sub: 'us', aud: server.url, exp: iat + 240 });
  expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(10);
  expect(decodeJwt(second ?? '').jti).not.toBe(jti);
  expect(Object.fromEntries(server.calls[0]?.body ?? [])).toMatchObject({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    scope: 'system/*.crus',
  });
});

test("a vendor's own call is made as it is described, with and without a body", async () => {
  answering(201, { t: 'abc' });
  expect(await obtain(exchange())).toEqual({ accessToken: 'abc', refreshToken: null, expiresInMs: null });
  expect(server.calls[0]).toMatchObject({
    text: '',
    headers: { authorization: 'THE-API-KEY', accept: 'application/vnd.vendor+json', 'content-length': '0' },
  });
  answering(201, { t: 'abc' });
  await obtain(exchange({ body: { contentType: 'application/json', text: '{"k":1}' } }));
  expect(server.calls[1]).toMatchObject({ text: '{"k":1}', headers: { 'content-type': 'application/json' } });
  answering(201, { t: 'a b' });
  expect(await obtain(exchange())).toMatchObject({ code: 'token_not_available' });
  answering(401, { t: 'abc' });
  expect(await obtain(exchange())).toMatchObject({ code: 'unauthorized' });
});

test('names the API that the token is for where the server wants that, and only there', async () => {
  await obtain(credentials({ audience: 'https://api.example' }));
  await obtain(credentials());
  expect(server.calls.map(({ body }) => body.get('audience'))).toEqual(['https://api.example', null]);
});
