import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { sandboxForTest } from '../testing/sandbox.ts';
import { ASSERTION_TYPE } from './client-assertion.ts';

const pairs = {
  RS384: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
};
type Algorithm = keyof typeof pairs;
type Change = { header?: object; claims?: object; key?: KeyObject };

const SECRET = { grant_type: 'client_credentials', client_id: 'app', client_secret: 'sesame' };
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const soon = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

describe.each(['/fhir/r4', '/fhir', '/fhir/r5'])('%s', (prefix) => {
  const TOKEN_URL = `http://localhost:80${prefix}/oauth/token`;

  async function withTokens() {
    const { app } = await sandboxForTest({ token: 'sesame' });
    const register = (keys: unknown, headers: Record<string, string> = { authorization: 'Bearer sesame' }) =>
      app.inject({ method: 'POST', url: `${prefix}/oauth/register`, headers, body: { jwks: { keys } } });
    const token = (fields: Record<string, string> | string, headers: Record<string, string> = {}) =>
      app.inject({
        method: 'POST',
        url: `${prefix}/oauth/token`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields).toString(),
      });
    const statusWith = async (authorization?: string) =>
      (
        await app.inject({
          url: `${prefix}/Patient`,
          headers: authorization === undefined ? {} : { authorization },
        })
      ).statusCode;
    return { app, register, token, statusWith };
  }

  test('a request needs a bearer token: the secret itself, or one of the token endpoint', async () => {
    const { token, statusWith } = await withTokens();
    for (const bad of [undefined, 'sesame', 'Basic sesame', 'Bearer other', 'Bearer ']) {
      expect(await statusWith(bad), bad).toBe(401);
    }
    expect(await statusWith('Bearer sesame')).toBe(200);
    for (const answer of [
      await token(SECRET),
      await token({ grant_type: 'client_credentials', scope: 'a' }, basic('app', 'sesame')),
    ]) {
      expect(answer.json()).toMatchObject({ token_type: 'bearer', expires_in: 300 });
      expect(answer.headers).toMatchObject({
        'content-type': expect.stringContaining('application/json'),
        'cache-control': 'no-store',
      });
      expect(await statusWith(`Bearer ${answer.json().access_token}`)).toBe(200);
    }
  });

  test.each<[string, Record<string, string> | string, Record<string, string>, number, string]>([
    ['another grant', { ...SECRET, grant_type: 'password' }, {}, 400, 'unsupported_grant_type'],
    ['a wrong secret', { ...SECRET, client_secret: 'guess' }, {}, 401, 'invalid_client'],
    ['no secret', { grant_type: 'client_credentials', client_id: 'app' }, {}, 401, 'invalid_client'],
    ['no id', { grant_type: 'client_credentials', client_secret: 'sesame' }, {}, 401, 'invalid_client'],
    [
      'a wrong secret in the header',
      { grant_type: 'client_credentials' },
      basic('app', 'guess'),
      401,
      'invalid_client',
    ],
    ['both ways at once', SECRET, basic('app', 'sesame'), 400, 'invalid_request'],
    [
      'a parameter twice',
      'grant_type=client_credentials&grant_type=client_credentials',
      {},
      400,
      'invalid_request',
    ],
  ])('%s gets no token', async (_name, fields, headers, status, error) => {
    const { token } = await withTokens();
    const answer = await token(fields, headers);
    expect([answer.statusCode, answer.json().error]).toEqual([status, error]);
  });

  test('JSON at the token endpoint gets no token', async () => {
    const { app } = await withTokens();
    const answer = await app.inject({ method: 'POST', url: `${prefix}/oauth/token`, body: SECRET });
    // RFC 6749, section 4.4.2: the parameters are a form.
    expect(answer.statusCode).toBe(400);
  });

  function assertionOf({ alg, clientId }: { alg: Algorithm; clientId: string }, change: Change = {}): string {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const exp = Math.floor(Date.now() / 1000) + 240;
    const claims = { iss: clientId, sub: clientId, aud: TOKEN_URL, exp, jti: randomUUID(), ...change.claims };
    const signed = `${part({ alg, kid: alg, typ: 'JWT', ...change.header })}.${part(claims)}`;
    const key = change.key ?? pairs[alg].privateKey;
    const signature = sign('sha384', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  }

  async function registered() {
    const sandbox = await withTokens();
    const keys = Object.entries(pairs).map(([kid, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
    }));
    const answer = await sandbox.register(keys);
    expect(answer.statusCode).toBe(201);
    const clientId: string = answer.json().client_id;
    const byAssertion = (assertion: string, change: Record<string, string> = {}) =>
      sandbox.token({
        grant_type: 'client_credentials',
        scope: 'system/*.cruds',
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: assertion,
        ...change,
      });
    return { ...sandbox, clientId, byAssertion };
  }

  test.each<Algorithm>(['RS384', 'ES384'])(
    'a registered key of %s gets a token, once per assertion',
    async (alg) => {
      const { clientId, byAssertion, statusWith } = await registered();
      const assertion = assertionOf({ alg, clientId });
      const answer = await byAssertion(assertion);
      expect(answer.json()).toMatchObject({ token_type: 'bearer', scope: 'system/*.cruds' });
      expect(await statusWith(`Bearer ${answer.json().access_token}`)).toBe(200);
      const again = await byAssertion(assertion);
      expect([again.statusCode, again.json().error]).toEqual([400, 'invalid_client']);
    },
  );

  test.each<[string, Change]>([
    ['another algorithm', { header: { alg: 'RS256' } }],
    ['no typ', { header: { typ: undefined } }],
    ['an unknown kid', { header: { kid: 'other' } }],
    ["another key's kid", { header: { kid: 'ES384' } }],
    ['iss that is not sub', { claims: { sub: 'other' } }],
    ['an unknown client', { claims: { iss: 'other', sub: 'other' } }],
    ['another audience', { claims: { aud: `http://localhost:80${prefix}` } }],
    ['an expired assertion', { claims: { exp: soon(-1) } }],
    ['too late an expiry', { claims: { exp: soon(400) } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['no jti', { claims: { jti: undefined } }],
    ['a wrong signature', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }],
  ])('an assertion with %s gets no token', async (_name, change) => {
    const { clientId, byAssertion } = await registered();
    const answer = await byAssertion(assertionOf({ alg: 'RS384', clientId }, change));
    expect([answer.statusCode, answer.json().error]).toEqual([400, 'invalid_client']);
  });

  test('an assertion needs its type and a scope', async () => {
    const { clientId, byAssertion } = await registered();
    const assertion = () => assertionOf({ alg: 'RS384', clientId });
    expect((await byAssertion(assertion(), { client_assertion_type: 'jwt' })).json().error).toBe(
      'invalid_request',
    );
    expect((await byAssertion(assertion(), { scope: '' })).json().error).toBe('invalid_scope');
    expect((await byAssertion('a.b.c')).json().error).toBe('invalid_client');
  });

  test('keys are registered with the token of the sandbox only, and private keys are refused', async () => {
    const { register } = await withTokens();
    expect((await register([], {})).statusCode).toBe(401);
    const secretKey = { ...pairs.ES384.privateKey.export({ format: 'jwk' }), kid: 'a' };
    for (const keys of [[], [{ kid: 'a' }], [secretKey], [7]]) {
      const answer = await register(keys);
      expect([answer.statusCode, answer.json().error]).toEqual([400, 'invalid_client_metadata']);
    }
  });

  test('the SMART configuration names the token endpoint', async () => {
    const { app } = await withTokens();
    const answer = await app.inject(`${prefix}/.well-known/smart-configuration`);
    expect(answer.json()).toMatchObject({ token_endpoint: TOKEN_URL });
  });
});

test('a client and its tokens are good at one address only', async () => {
  const { app } = await sandboxForTest({ token: 'sesame' });
  const addresses = ['/fhir/r4', '/fhir', '/fhir/r5'];
  for (const issuer of addresses) {
    const answer = await app.inject({
      method: 'POST',
      url: `${issuer}/oauth/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(SECRET).toString(),
    });
    const authorization = `Bearer ${answer.json().access_token}`;
    for (const asked of addresses) {
      const { statusCode } = await app.inject({ url: `${asked}/Patient`, headers: { authorization } });
      expect(statusCode, `a token of ${issuer} at ${asked}`).toBe(asked === issuer ? 200 : 401);
    }
  }
});

test('a fault after the commit does not strike a token request', async () => {
  const { app } = await sandboxForTest({ token: 'sesame' });
  await app.inject({ method: 'POST', url: '/sandbox/faults', body: { kind: 'commit_then_500', count: 1 } });
  for (const prefix of ['/fhir/r4', '/fhir', '/fhir/r5']) {
    const answer = await app.inject({
      method: 'POST',
      url: `${prefix}/oauth/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(SECRET).toString(),
    });
    expect(answer.statusCode, prefix).toBe(200);
  }
});
