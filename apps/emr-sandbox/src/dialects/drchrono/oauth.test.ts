import type { AddressInfo } from 'node:net';
import * as oauth from 'oauth4webapi';
import { expect, test } from 'vitest';
import { FIRST_APPLICATION, PERSON } from '../../oauth/applications.ts';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { drchrono } from './dialect.ts';

const REDIRECT = 'http://127.0.0.1:4999/back?from=emr';
const http = { [oauth.allowInsecureRequests]: true };
const client: oauth.Client = { client_id: FIRST_APPLICATION.client_id };
const secret = oauth.ClientSecretPost(FIRST_APPLICATION.client_secret);

/** A sandbox that listens, and a person in front of its page. */
async function practice() {
  const { app } = await sandboxForTest({ dialects: [drchrono], token: 'first' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const base = `http://127.0.0.1:${port}/drchrono`;
  const server: oauth.AuthorizationServer = {
    issuer: base,
    authorization_endpoint: `${base}/o/authorize/`,
    token_endpoint: `${base}/o/token/`,
  };
  const ask = (change: Record<string, string | undefined> = {}) => {
    const url = new URL(server.authorization_endpoint as string);
    const asked = {
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: REDIRECT,
      state: 's+1',
      scope: 'patients:read settings:read',
      ...change,
    };
    for (const [name, value] of Object.entries(asked))
      if (value !== undefined) url.searchParams.set(name, value);
    return url;
  };
  /** Fills the page's form in, with the hidden fields that it brings, and sends it. */
  async function decide(url: URL, given: Record<string, string>): Promise<Response> {
    const page = await (await fetch(url)).text();
    const hidden = [...page.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    const body = new URLSearchParams(
      hidden.map(([, name = '', value = '']): [string, string] => [
        name,
        value.replace(/&#(\d+);/g, (_all, code) => String.fromCharCode(Number(code))),
      ]),
    );
    for (const [name, value] of Object.entries(given)) body.set(name, value);
    return fetch(url, { method: 'POST', body, redirect: 'manual' });
  }
  const allow = (url: URL) =>
    decide(url, { username: PERSON.user, password: PERSON.password, decision: 'allow' });
  const backFrom = (answer: Response) => new URL(answer.headers.get('location') ?? 'http://none.invalid');
  return { app, base, server, ask, decide, allow, backFrom };
}

test("a stranger's client goes through the page with PKCE, and refreshes", async () => {
  const { base, server, ask, allow, backFrom } = await practice();
  const verifier = oauth.generateRandomCodeVerifier();
  const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const back = backFrom(await allow(ask({ code_challenge, code_challenge_method: 'S256' })));
  expect([back.origin + back.pathname, back.searchParams.get('from')]).toEqual([
    'http://127.0.0.1:4999/back',
    'emr',
  ]);
  const parameters = oauth.validateAuthResponse(server, client, back, 's+1');
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    secret,
    parameters,
    REDIRECT,
    verifier,
    http,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer);
  expect(tokens).toMatchObject({ scope: 'patients:read settings:read', refresh_token: expect.any(String) });
  const read = (token: string, path: string) =>
    fetch(`${base}/api/${path}`, { headers: { authorization: `Bearer ${token}` } });
  expect((await read(tokens.access_token, 'patients')).status).toBe(200);
  // The scope for payments was not asked for.
  expect((await read(tokens.access_token, 'patient_payments')).status).toBe(403);

  const refreshed = await oauth.processRefreshTokenResponse(
    server,
    client,
    await oauth.refreshTokenGrantRequest(server, client, secret, tokens.refresh_token as string, http),
  );
  expect((await read(tokens.access_token, 'patients')).status).toBe(401);
  expect((await read(refreshed.access_token, 'patients')).status).toBe(200);
});

test('the page names application and scopes, runs no script, and escapes what it shows', async () => {
  const { ask } = await practice();
  const answer = await fetch(ask({ state: '"><script>alert(1)</script>' }));
  const page = await answer.text();
  expect([answer.status, answer.headers.get('content-type'), answer.headers.get('cache-control')]).toEqual([
    200,
    'text/html; charset=utf-8',
    'no-store',
  ]);
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(page).toContain('sandbox-app');
  expect(page).toContain('settings:read');
  expect(page).not.toContain('<script');
});

test('a wrong password, and no decision, show the page again; Deny needs no login', async () => {
  const { ask, decide, backFrom } = await practice();
  const wrong = await decide(ask(), { username: PERSON.user, password: 'guess', decision: 'allow' });
  expect([wrong.status, await wrong.text()]).toEqual([401, expect.stringContaining('role="alert"')]);
  expect((await decide(ask(), { username: PERSON.user, password: PERSON.password })).status).toBe(400);
  const denied = backFrom(await decide(ask(), { decision: 'deny' }));
  expect([denied.searchParams.get('error'), denied.searchParams.get('state')]).toEqual([
    'access_denied',
    's+1',
  ]);
});

test.each([
  ['an unknown application', { client_id: 'other' }],
  ['a page of another machine', { redirect_uri: 'https://evil.example/back' }],
  ['a host that begins like this machine', { redirect_uri: 'http://127.0.0.1.evil.example/' }],
  ['a script', { redirect_uri: 'javascript:alert(1)' }],
  ['no redirect URI', { redirect_uri: undefined }],
])('%s is refused on the page, and nobody is sent anywhere', async (_name, change) => {
  const { ask } = await practice();
  const answer = await fetch(ask(change), { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
});

test.each([
  ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
  ['a scope that does not exist', { scope: 'patients:read all' }, 'invalid_scope'],
  [
    'a plain challenge',
    { code_challenge: 'a'.repeat(43), code_challenge_method: 'plain' },
    'invalid_request',
  ],
  ['a challenge without a method', { code_challenge: 'a'.repeat(43) }, 'invalid_request'],
])('%s is refused by a redirect with %o', async (_name, change, error) => {
  const { ask, backFrom } = await practice();
  const back = backFrom(await fetch(ask(change), { redirect: 'manual' }));
  expect([back.searchParams.get('error'), back.searchParams.get('state')]).toEqual([error, 's+1']);
});

test('a registered application returns to exactly its own pages', async () => {
  const { app, ask } = await practice();
  const body = { client_id: 'mine', client_secret: 's', redirect_uris: ['https://us.example/back'] };
  await app.inject({ method: 'PUT', url: '/sandbox/oauth/application', body });
  const statusFor = async (redirect_uri: string) =>
    (await fetch(ask({ client_id: 'mine', redirect_uri }), { redirect: 'manual' })).status;
  expect(await statusFor('https://us.example/back')).toBe(200);
  for (const other of ['https://us.example/back/', 'https://us.example/back?x=1', 'https://us.example/'])
    expect(await statusFor(other), other).toBe(400);
});

const exchange = async (server: oauth.AuthorizationServer, change: Record<string, string>) => {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: FIRST_APPLICATION.client_id,
    client_secret: FIRST_APPLICATION.client_secret,
    redirect_uri: REDIRECT,
    ...change,
  });
  const answer = await fetch(server.token_endpoint as string, { method: 'POST', body });
  return { status: answer.status, json: (await answer.json()) as Record<string, string> };
};

test('a code is good once; a second use ends what the first one gave', async () => {
  const { base, server, ask, allow, backFrom } = await practice();
  const code = backFrom(await allow(ask())).searchParams.get('code') as string;
  const { json } = await exchange(server, { code });
  const read = () =>
    fetch(`${base}/api/patients`, { headers: { authorization: `Bearer ${json.access_token}` } });
  expect((await read()).status).toBe(200);
  expect(await exchange(server, { code })).toMatchObject({ status: 400, json: { error: 'invalid_grant' } });
  expect((await read()).status).toBe(401);
});

test.each([
  ['another redirect URI', { redirect_uri: 'http://127.0.0.1:4999/back' }, 400, 'invalid_grant'],
  ['another secret', { client_secret: 'guess' }, 401, 'invalid_client'],
  ['another application', { client_id: 'other', client_secret: 'x' }, 400, 'invalid_grant'],
  ['a verifier where no challenge was', { code_verifier: 'v'.repeat(43) }, 400, 'invalid_grant'],
  ['an invented code', { code: 'abc' }, 400, 'invalid_grant'],
] satisfies [string, Record<string, string>, number, string][])(
  'a token request with %s is refused',
  async (_name, change, status, error) => {
    const { server, ask, allow, backFrom } = await practice();
    const code = backFrom(await allow(ask())).searchParams.get('code') as string;
    expect(await exchange(server, { code, ...change })).toMatchObject({ status, json: { error } });
  },
);
