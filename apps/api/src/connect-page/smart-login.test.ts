import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectSessionRow, openCredentials, SYSTEM, setOauthApplication } from '@emr-payments/db';
import { type Logger, seal, open as unseal } from '@emr-payments/runtime';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openVisit, PUBLIC_URL, type Visit } from '../testing/connect-visit.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

/** A practice logs in at a FHIR server, which publishes where (SMART App Launch, standalone). */

let api: TestApi;
let sandbox: SandboxProcess;
let page: Awaited<ReturnType<typeof openVisit>>;
const ledgerFile = join(tmpdir(), `smart-${randomUUID()}.jsonl`);
/** Everything that the API has logged. */
const lines: unknown[] = [];
const keep = (fields: object, message: string) => void lines.push({ ...fields, message });
const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
/** A FHIR server that publishes what a test wants. */
let published: object;
const liar = createServer((_request, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(published)),
);

beforeAll(async () => {
  liar.listen(0, '127.0.0.1');
  [api, sandbox] = await Promise.all([
    openTestApi({ publicUrl: PUBLIC_URL, logger }),
    startSandbox({ ledgerFile, env: { SANDBOX_TOKEN: 'sesame' } }),
    once(liar, 'listening'),
  ]);
  page = await openVisit(api);
  await Promise.all([setApplication(base()), setApplication(lies())]);
});
afterAll(async () => {
  liar.closeAllConnections();
  liar.close();
  await sandbox.stop();
  rmSync(ledgerFile, { force: true });
  await api.close();
});

async function openTokenEndpoint(answer: RequestListener): Promise<{ url: string; close(): void }> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const giveTokens = (response: ServerResponse) =>
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ access_token: 'a', token_type: 'Bearer', refresh_token: 'r' }));

const base = () => `${sandbox.baseUrl}/fhir/r4`;
const lies = () => `http://127.0.0.1:${(liar.address() as AddressInfo).port}/fhir`;
const setApplication = (baseUrl: string, change: object = {}) =>
  setOauthApplication(api, {
    adapter: 'fhir-r4',
    baseUrl,
    authorizeUrl: null,
    tokenUrl: null,
    clientId: 'sandbox-app',
    clientSecret: 'sandbox-app-secret',
    scopes: '',
    issuer: null,
    by: SYSTEM,
    ...change,
  });

const begin = async (at: Visit, baseUrl = base()) =>
  (await page.post('login', { adapter: 'fhir-r4', base_url: baseUrl }, at)).json().data;

/** Logs in at the sandbox, as far as the address of the return. */
async function logIn(at: Visit): Promise<string> {
  const { location } = (await begin(at)) as { location: string };
  const url = new URL(location);
  const form = new URLSearchParams([
    ...url.searchParams,
    ['username', 'frontdesk'],
    ['password', 'let-me-in'],
    ['decision', 'allow'],
  ]);
  const answer = await fetch(`${url.origin}${url.pathname}`, {
    method: 'POST',
    body: form,
    redirect: 'manual',
  });
  return answer.headers.get('location') ?? '';
}
const connecting = (change: object = {}) => ({
  adapter: 'fhir-r4',
  way: 'login',
  name: 'Main Street',
  time_zone: 'America/Denver',
  ...change,
});
const credentialsOf = async (id: string) => {
  const { userId } = await page.stored(id);
  const where = { userId: userId ?? 0 };
  const { credentials, ...rest } = await api.database.prisma.connection.findUniqueOrThrow({ where });
  return { ...rest, credentials: openCredentials(api.keyring, { userId: userId ?? 0, credentials }) };
};

describe('a login at a FHIR server', () => {
  test('asks for what payments need, and its refresh token becomes the connection’s', async () => {
    const at = await page.visit();
    const { location } = await begin(at);
    expect(Object.fromEntries(new URL(location).searchParams)).toMatchObject({
      aud: base(),
      redirect_uri: `${PUBLIC_URL}/connect/callback`,
      code_challenge_method: 'S256',
      scope:
        'offline_access user/Patient.rs user/Location.rs user/ValueSet.rs user/CodeSystem.rs user/PaymentNotice.crs',
    });
    expect(await page.comeBack(await logIn(at), at.cookie)).toBe('/connect');
    expect(await page.look(at)).toMatchObject({ loggedIn: { adapter: 'fhir-r4', baseUrl: base() } });
    const settings = { patient_identifier_system: 'urn:practice:mrn' };
    const { data } = (await page.post('connect', connecting({ settings }), at)).json();
    expect(data).toMatchObject({ outcome: 'connected' });
    expect(await credentialsOf(at.id)).toMatchObject({
      baseUrl: base(),
      guarded: true,
      settings: expect.objectContaining(settings),
      credentials: {
        token_url: `${base()}/oauth/token`,
        client_id: 'sandbox-app',
        client_secret: 'sandbox-app-secret',
        client_auth: 'basic',
        refresh_token: expect.any(String),
      },
    });
  });

  test('is in no line of the log, as far as it is secret', async () => {
    const at = await page.visit();
    const { secret } = await page.link();
    await page.post('open', { secret });
    const back = await logIn(at);
    await page.comeBack(back, at.cookie);
    await page.comeBack(back, at.cookie);
    const credentials = { bearer_token: 'typed-and-wrong' };
    await page.post('connect', connecting({ way: 'credentials', base_url: base(), credentials }), at);
    expect(lines.length).toBeGreaterThan(0);
    const logged = JSON.stringify(lines);
    const { code, state } = Object.fromEntries(new URL(back).searchParams);
    for (const text of [
      code,
      state,
      secret,
      at.cookie.split('=')[1],
      'sandbox-app-secret',
      'typed-and-wrong',
    ])
      expect(logged).not.toContain(text ?? '?');
  });

  test('what a person types goes by the way that is chosen, also after a login', async () => {
    const at = await page.visit();
    await page.comeBack(await logIn(at), at.cookie);
    const typed = connecting({
      way: 'credentials',
      base_url: base(),
      credentials: { bearer_token: 'sesame' },
    });
    expect((await page.post('connect', typed, at)).json().data).toMatchObject({ outcome: 'connected' });
    expect((await credentialsOf(at.id)).credentials).toEqual({ bearer_token: 'sesame' });
  });

  test('nobody types the refresh token of a login', async () => {
    const { choices } = await page.look(await page.visit());
    const fhir = choices.filter(({ adapter }: { adapter: string }) => adapter === 'fhir-r4');
    expect(fhir.map(({ way, title }: { way: string; title: string }) => `${way}: ${title}`).sort()).toEqual(
      [
        'credentials: FHIR R4 server (PaymentNotice): Ottehr and Oystehr, Medplum, HAPI',
        `login: FHIR R4 server at ${new URL(lies()).host}`,
        `login: FHIR R4 server at ${new URL(base()).host}`,
      ].sort(),
    );
    expect(JSON.stringify(fhir)).not.toContain('refresh_token');
  });

  test('a renewal may log in again or type credentials, and keeps the settings', async () => {
    const first = await page.visit();
    await page.comeBack(await logIn(first), first.cookie);
    await page.post(
      'connect',
      connecting({ settings: { patient_identifier_system: 'urn:practice:mrn' } }),
      first,
    );
    const { userId } = await page.stored(first.id);
    const { publicId } = await api.database.prisma.user.findUniqueOrThrow({ where: { id: userId ?? 0 } });
    const before = await credentialsOf(first.id);
    const at = await page.visit({ user_id: publicId });
    expect((await page.look(at)).choices).toMatchObject([
      { way: 'credentials', baseUrl: base(), settings: [] },
      { way: 'login', baseUrl: base(), settings: [] },
    ]);
    await page.comeBack(await logIn(at), at.cookie);
    const { name: _, ...renewing } = connecting();
    expect((await page.post('connect', renewing, at)).json().data).toMatchObject({ outcome: 'connected' });
    const after = await credentialsOf(at.id);
    expect(after.settings).toEqual(before.settings);
    expect(after.credentials).not.toEqual(before.credentials);
  });

  test.each([false, true])(
    'a renewal of an operator’s connection is guarded if the EMR publishes where the tokens are: %s',
    async (published) => {
      const first = await page.visit();
      const settings = { patient_identifier_system: 'urn:practice:mrn' };
      await page.comeBack(await logIn(first), first.cookie);
      await page.post('connect', connecting({ settings }), first);
      const { userId } = await page.stored(first.id);
      const where = { userId: userId ?? 0 };
      await api.database.prisma.connection.update({ where, data: { guarded: false } });
      const { publicId } = await api.database.prisma.user.findUniqueOrThrow({ where: { id: userId ?? 0 } });
      const at = await page.visit({ user_id: publicId });
      if (!published) {
        const { location } = await begin(at);
        const authorizeUrl = location.split('?')[0] ?? '';
        await setApplication(base(), { authorizeUrl, tokenUrl: `${base()}/oauth/token` });
      }
      try {
        await page.comeBack(await logIn(at), at.cookie);
        const { name: _, ...renewing } = connecting();
        expect((await page.post('connect', renewing, at)).json().data).toMatchObject({
          outcome: 'connected',
        });
      } finally {
        await setApplication(base());
      }
      expect((await credentialsOf(at.id)).guarded).toBe(published);
    },
  );
});

describe('while a person is at the EMR', () => {
  const callback = (state: string) => `${PUBLIC_URL}/connect/callback?code=c&state=${state}`;
  const asked: string[] = [];
  const other = createServer((request, response) => {
    asked.push(`${request.url}`);
    response.writeHead(400).end();
  });
  const at = (path: string) => `http://127.0.0.1:${(other.address() as AddressInfo).port}${path}`;
  beforeAll(async () => {
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
  });
  afterAll(() => {
    other.closeAllConnections();
    other.close();
  });

  test.each<[string, object]>([
    ['its addresses', { authorizeUrl: 'http://127.0.0.1:1/a', tokenUrl: 'http://127.0.0.1:1/t' }],
    ['its addresses, which the EMR publishes now', { authorizeUrl: null, tokenUrl: null }],
    ['its id', { clientId: 'another-app' }],
  ])('an application that is replaced gives no secret to the server before: %s', async (_what, change) => {
    const named = { authorizeUrl: at('/a'), tokenUrl: at('/t') };
    await setApplication(at('/fhir'), named);
    const visit = await page.visit();
    const { location } = await begin(visit, at('/fhir'));
    await setApplication(at('/fhir'), { ...named, clientSecret: 'of-another-server', ...change });
    const state = new URL(location).searchParams.get('state') ?? '';
    expect(await page.comeBack(callback(state), visit.cookie)).toBe('/connect?notice=refused');
    expect(asked).toEqual([]);
    expect((await page.stored(visit.id)).held).toBe(null);
  });

  test('a secret that is rotated is the one that is sent', async () => {
    const named = { authorizeUrl: at('/a'), tokenUrl: at('/t') };
    await setApplication(at('/fhir'), named);
    const visit = await page.visit();
    const { location } = await begin(visit, at('/fhir'));
    await setApplication(at('/fhir'), { ...named, clientSecret: 'rotated' });
    const state = new URL(location).searchParams.get('state') ?? '';
    expect(await page.comeBack(callback(state), visit.cookie)).toBe('/connect?notice=unavailable');
    expect(asked).toEqual(['/t']);
  });

  test('a login that fails late takes nothing from the one that was begun after it', async () => {
    const second = Promise.withResolvers<void>();
    const first = Promise.withResolvers<void>();
    const tokens = await openTokenEndpoint(async (request, response) => {
      const text = (await request.toArray()).join('');
      if (text.includes('code=slow')) {
        first.resolve();
        await second.promise;
        response.writeHead(400).end();
      } else giveTokens(response);
    });
    const there = tokens.url;
    try {
      await setApplication(`${there}/fhir`, { authorizeUrl: `${there}/a`, tokenUrl: `${there}/t` });
      const visit = await page.visit();
      const back = async (code: string) => {
        const { location } = await begin(visit, `${there}/fhir`);
        const state = new URL(location).searchParams.get('state') ?? '';
        return callback(state).replace('code=c', `code=${code}`);
      };
      const slow = page.comeBack(await back('slow'), visit.cookie);
      await first.promise;
      expect(await page.comeBack(await back('fast'), visit.cookie)).toBe('/connect');
      second.resolve();
      expect(await slow).toBe('/connect?notice=unavailable');
      expect((await page.look(visit)).loggedIn).toEqual({ adapter: 'fhir-r4', baseUrl: `${there}/fhir` });
    } finally {
      second.resolve();
      tokens.close();
    }
  });

  test('what a session holds may be sealed again while its code is exchanged', async () => {
    const visit = await page.visit();
    const tokens = await openTokenEndpoint(async (request, response) => {
      await request.toArray();
      const { held } = await page.stored(visit.id);
      const row = connectSessionRow(visit.id);
      const again = seal(api.keyring, row, unseal(api.keyring, row, held ?? ''));
      await api.database.prisma.connectSession.update({ where: { id: visit.id }, data: { held: again } });
      giveTokens(response);
    });
    const there = tokens.url;
    try {
      await setApplication(`${there}/fhir`, { authorizeUrl: `${there}/a`, tokenUrl: `${there}/t` });
      const { location } = await begin(visit, `${there}/fhir`);
      const state = new URL(location).searchParams.get('state') ?? '';
      expect(await page.comeBack(callback(state), visit.cookie)).toBe('/connect');
      expect((await page.look(visit)).loggedIn).toEqual({ adapter: 'fhir-r4', baseUrl: `${there}/fhir` });
      expect(await page.comeBack(callback(state), visit.cookie)).toBe('/connect?notice=not-expected');
    } finally {
      tokens.close();
    }
  });

  test('the version changes: what the one before has held is begun again', async () => {
    const visit = await page.visit();
    const { location } = await begin(visit);
    const former = { kind: 'under_way', adapter: 'fhir-r4', baseUrl: base(), verifier: 'v'.repeat(43) };
    const held = seal(api.keyring, connectSessionRow(visit.id), JSON.stringify(former));
    await api.database.prisma.connectSession.update({ where: { id: visit.id }, data: { held } });
    expect(await page.look(visit)).toMatchObject({ state: 'open', loggedIn: null });
    const state = new URL(location).searchParams.get('state') ?? '';
    expect(await page.comeBack(callback(state), visit.cookie)).toBe('/connect?notice=not-expected');
    expect(await page.comeBack(await logIn(visit), visit.cookie)).toBe('/connect');
  });
});

describe('after a person was at the EMR', () => {
  const settings = { patient_identifier_system: 'urn:practice:mrn' };
  const connect = async (visit: Visit) =>
    (await page.post('connect', connecting({ settings }), visit)).json().data as { outcome: string };
  const loggedIn = async () => {
    const visit = await page.visit();
    expect(await page.comeBack(await logIn(visit), visit.cookie)).toBe('/connect');
    return visit;
  };

  test('the connection gets the secret that the application has when it is saved', async () => {
    await setApplication(base(), { clientSecret: 'sandbox-app-secret' });
    const visit = await loggedIn();
    const row = connectSessionRow(visit.id);
    const { held } = await page.stored(visit.id);
    const login = JSON.parse(unseal(api.keyring, row, held ?? ''));
    login.credentials.client_secret = 'former';
    await api.database.prisma.connectSession.update({
      where: { id: visit.id },
      data: { held: seal(api.keyring, row, JSON.stringify(login)) },
    });
    expect(await connect(visit)).toMatchObject({ outcome: 'connected' });
    const { credentials } = await credentialsOf(visit.id);
    expect(credentials).toMatchObject({ client_secret: 'sandbox-app-secret' });
  });

  test.each<[string, object]>([
    ['its id', { clientId: 'another-app' }],
    ['its addresses', { authorizeUrl: 'http://127.0.0.1:1/a', tokenUrl: 'http://127.0.0.1:1/t' }],
  ])('an application that is replaced is logged in with again: %s', async (_what, change) => {
    const visit = await loggedIn();
    expect(await page.look(visit)).toMatchObject({ loggedIn: { baseUrl: base() } });
    await setApplication(base(), { clientSecret: 'of-another-server', ...change });
    try {
      expect(await connect(visit)).toMatchObject({
        outcome: 'refused',
        reason: expect.stringContaining('log in at the EMR'),
      });
      expect(await page.look(visit)).toMatchObject({ loggedIn: null });
    } finally {
      await setApplication(base());
    }
  });

  test('a secret that is replaced while the connection is tried is not missed', async () => {
    const rotated = { authorizeUrl: '', tokenUrl: '', clientSecret: 'rotated' };
    const tokens = await openTokenEndpoint(async (request, response) => {
      const text = (await request.toArray()).join('');
      if (text.includes('grant_type=refresh_token')) await setApplication(base(), rotated);
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ access_token: 'sesame', token_type: 'Bearer', refresh_token: 'r' }));
    });
    Object.assign(rotated, { authorizeUrl: `${tokens.url}/a`, tokenUrl: `${tokens.url}/t` });
    try {
      await setApplication(base(), { ...rotated, clientSecret: 'former' });
      const visit = await page.visit();
      const { location } = (await begin(visit)) as { location: string };
      const state = new URL(location).searchParams.get('state') ?? '';
      const back = `${PUBLIC_URL}/connect/callback?code=c&state=${state}`;
      expect(await page.comeBack(back, visit.cookie)).toBe('/connect');
      expect(await connect(visit)).toMatchObject({
        outcome: 'refused',
        reason: expect.stringContaining('Try again'),
      });
      expect(await connect(visit)).toMatchObject({ outcome: 'connected' });
      expect((await credentialsOf(visit.id)).credentials).toMatchObject({ client_secret: 'rotated' });
    } finally {
      tokens.close();
      await setApplication(base());
    }
  });
});

describe('what a FHIR server publishes', () => {
  const at = (path: string) => `${sandbox.baseUrl}${path}`;
  beforeEach(() => {
    published = {
      authorization_endpoint: at('/a'),
      token_endpoint: at('/t'),
      capabilities: ['permission-v2'],
    };
  });

  test.each<[string, (good: string) => object]>([
    ['an address of our own network to log in', () => ({ authorization_endpoint: 'https://10.0.0.1/a' })],
    [
      'the credentials of a cloud as its token endpoint',
      () => ({ token_endpoint: 'https://169.254.169.254/t' }),
    ],
    ['a public token endpoint, of a sandbox', () => ({ token_endpoint: 'https://93.184.215.14/t' })],
    ['a script to log in', () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['a user name in an address', (good) => ({ token_endpoint: good.replace('//', '//u:p@') })],
    ['no address', () => ({ token_endpoint: '/token' })],
  ])('is refused before anybody goes there: %s', async (_what, change) => {
    published = { ...published, ...change(at('/t')) };
    const visit = await page.visit();
    expect(await begin(visit, lies())).toEqual({ outcome: 'address_refused' });
    expect((await page.stored(visit.id)).held).toBe(null);
  });

  test('is no login: the page says so', async () => {
    published = {};
    expect(await begin(await page.visit(), lies())).toEqual({ outcome: 'no_logins' });
  });

  test('is read within the tries of a session', async () => {
    const visit = await page.visit();
    await api.database.prisma.connectSession.update({ where: { id: visit.id }, data: { tries: 20 } });
    expect(await begin(visit, lies())).toEqual({ outcome: 'too_many_tries' });
  });

  test('is fixed when the login begins: the code goes to no token endpoint that is published later', async () => {
    const visit = await page.visit();
    const { location } = await begin(visit, lies());
    const state = new URL(location).searchParams.get('state') ?? '';
    published = { ...published, token_endpoint: 'https://169.254.169.254/t' };
    // The sandbox has no such path: it was asked, and not the other.
    expect(await page.comeBack(`${PUBLIC_URL}/connect/callback?code=c&state=${state}`, visit.cookie)).toBe(
      '/connect?notice=unavailable',
    );
  });
});
