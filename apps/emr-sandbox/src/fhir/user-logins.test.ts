import type { AddressInfo } from 'node:net';
import * as oauth from 'oauth4webapi';
import { expect, test } from 'vitest';
import { FIRST_APPLICATION, PERSON } from '../oauth/applications.ts';
import { sandboxForTest } from '../testing/sandbox.ts';

const REDIRECT = 'http://localhost:4999/back';
const http = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: FIRST_APPLICATION.client_id };
const secret = oauth.ClientSecretBasic(FIRST_APPLICATION.client_secret);
const SCOPE = 'offline_access user/Patient.rs';

async function server(prefix: string) {
  const { app } = await sandboxForTest({ token: 'sesame' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}${prefix}`;
  const found = await fetch(`${base}/.well-known/smart-configuration`);
  const as = { issuer: base, ...((await found.json()) as object) } as oauth.AuthorizationServer;
  const read = (token: string) => fetch(`${base}/Patient`, { headers: { authorization: `Bearer ${token}` } });

  async function login(change: Record<string, string | undefined> = {}) {
    const verifier = oauth.generateRandomCodeVerifier();
    const asked: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: REDIRECT,
      state: 'st',
      scope: SCOPE,
      aud: base,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...change,
    };
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(asked)) if (value !== undefined) body.set(name, value);
    const page = await fetch(`${as.authorization_endpoint}?${body}`, { redirect: 'manual' });
    if (page.status === 200) expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    for (const [name, value] of [
      ['username', PERSON.user],
      ['password', PERSON.password],
      ['decision', 'allow'],
    ] as const)
      body.set(name, value);
    const answer = await fetch(as.authorization_endpoint as string, {
      method: 'POST',
      body,
      redirect: 'manual',
    });
    return { back: new URL(answer.headers.get('location') ?? 'http://none.invalid'), verifier };
  }
  async function tokensOf({ back, verifier }: Awaited<ReturnType<typeof login>>) {
    const parameters = oauth.validateAuthResponse(as, client, back, 'st');
    const answer = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      secret,
      parameters,
      REDIRECT,
      verifier,
      http,
    );
    return oauth.processAuthorizationCodeResponse(as, client, answer);
  }
  const refresh = async (token: string) =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, secret, token, http),
    );
  return { app, base, as, read, login, tokensOf, refresh };
}

test.each(['/fhir', '/fhir/r5', '/fhir/r4'])(
  "%s: a stranger's client finds the endpoints, logs in with PKCE and refreshes",
  async (prefix) => {
    const { as, read, login, tokensOf, refresh } = await server(prefix);
    expect(as).toMatchObject({
      code_challenge_methods_supported: ['S256'],
      response_types_supported: ['code'],
    });
    const tokens = await tokensOf(await login());
    expect((await read(tokens.access_token)).status).toBe(200);
    const next = await refresh(tokens.refresh_token as string);
    expect((await read(next.access_token)).status).toBe(200);
    expect(next.refresh_token).not.toBe(tokens.refresh_token);
    // A refresh token that is used twice was stolen: the login ends.
    await expect(refresh(tokens.refresh_token as string)).rejects.toMatchObject({ error: 'invalid_grant' });
    await expect(refresh(next.refresh_token as string)).rejects.toMatchObject({ error: 'invalid_grant' });
  },
);

test('a login ends when the practice ends all logins', async () => {
  const { app, read, login, tokensOf, refresh } = await server('/fhir/r4');
  const tokens = await tokensOf(await login());
  await app.inject({ method: 'POST', url: '/sandbox/credentials/end-logins' });
  expect((await read(tokens.access_token)).status).toBe(401);
  await expect(refresh(tokens.refresh_token as string)).rejects.toMatchObject({ error: 'invalid_grant' });
});

test('without offline_access there is no refresh token', async () => {
  const { login, tokensOf } = await server('/fhir/r4');
  expect((await tokensOf(await login({ scope: 'user/Patient.rs' }))).refresh_token).toBeUndefined();
});

test.each([
  ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['no audience', { aud: undefined }, 'invalid_request'],
  ['another audience', { aud: 'https://other.example/fhir' }, 'invalid_request'],
  ['a scope that cannot be granted', { scope: 'system/*.cruds' }, 'invalid_scope'],
] satisfies [string, Record<string, string | undefined>, string][])(
  '%s is refused',
  async (_name, change, error) => {
    const { login } = await server('/fhir/r4');
    const { back } = await login(change);
    expect([back.searchParams.get('error'), back.searchParams.get('state')]).toEqual([error, 'st']);
  },
);
