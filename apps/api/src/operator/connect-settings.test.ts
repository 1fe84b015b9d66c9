import { findUserByToken, openOauthSecret } from '@emr-payments/db';
import { hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeEvent } from '../testing/event-rows.ts';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

/** An operator sets over HTTP what the commands set: return URLs, OAuth applications, syncs, users, deliveries. */

let api: TestOperatorApi;
let practice: Awaited<ReturnType<TestOperatorApi['newPractice']>>;
beforeAll(async () => {
  api = await openTestOperatorApi();
  practice = await api.newPractice();
});
afterAll(() => api.close());

const actions = async () => (await api.audited()).map(({ action, subject }) => [action, subject]);

describe('return addresses', () => {
  const url = 'https://app.example.com/emr/connected?from=connect';

  test('are registered once, listed and removed, each change with one entry', async () => {
    const { clientId } = practice;
    const path = `/clients/${clientId}/return-urls`;
    await api.audited();
    const added = await Promise.all([1, 2].map(() => api.ask('POST', path, { body: { return_url: url } })));
    expect(added.map(({ statusCode }) => statusCode).sort()).toEqual([200, 409]);
    const listed = await api.ask('GET', path);
    expect(listed.json().data).toEqual([{ return_url: url, created_at: expect.any(String) }]);
    const removed = await api.ask('POST', `${path}/remove`, { body: { return_url: url } });
    expect(removed.json().data).toEqual({ client_id: clientId, return_url: url, registered: false });
    const again = await api.ask('POST', `${path}/remove`, { body: { return_url: url } });
    expect([again.statusCode, again.json().message]).toEqual([404, 'There is no such return address.']);
    expect((await api.ask('GET', path)).json().data).toEqual([]);
    expect(await actions()).toEqual([
      ['client.return_url_add', `client:${clientId}`],
      ['client.return_url_remove', `client:${clientId}`],
    ]);
  });

  test.each([
    ['http on another machine', 'http://app.example.com/back'],
    ['http on the own machine, of a live client', 'http://localhost:3000/back'],
    ['a script', 'javascript:alert(1)'],
    ['a password', 'https://user:secret@app.example.com/'],
    ['a fragment', 'https://app.example.com/#x'],
    ['a blank', 'https://app.example.com/ x'],
    ['a field that the page adds', 'https://app.example.com/?status=x'],
  ])('are refused with %s', async (_what, wrong) => {
    const answer = await api.ask('POST', `/clients/${practice.clientId}/return-urls`, {
      body: { return_url: wrong },
    });
    expect([answer.statusCode, answer.json().message]).toEqual([
      400,
      expect.stringContaining('field: return_url (cannot be used: '),
    ]);
  });

  test('of a client that does not exist are a 404', async () => {
    for (const path of ['', '/remove']) {
      const answer = await api.ask('POST', `/clients/ci_nobody/return-urls${path}`, {
        body: { return_url: url },
      });
      expect([answer.statusCode, answer.json().message]).toEqual([404, 'There is no such client.']);
    }
    expect((await api.ask('GET', '/clients/ci_nobody/return-urls')).statusCode).toBe(404);
  });
});

describe('applications at EMRs', () => {
  const app = {
    adapter: 'drchrono',
    base_url: 'https://app.drchrono.example/',
    authorize_url: 'https://app.drchrono.example/o/authorize/',
    token_url: 'https://app.drchrono.example/o/token/',
    client_id: 'app-1',
    client_secret: 'cs of the vendor',
    scopes: 'patients:read billing:read',
  };
  const kept = { adapter: 'drchrono', base_url: 'https://app.drchrono.example' };
  const set = (change: object = {}, key?: string) =>
    api.ask('POST', '/oauth-apps', { body: { ...app, ...change }, ...(key === undefined ? {} : { key }) });

  test('are kept with a sealed secret that no answer has, replaced, left alone when nothing changes, and removed', async () => {
    await api.audited();
    const first = await set({}, 'k-app');
    expect(first.json().data).toEqual({
      ...kept,
      redirect_uri: 'https://payments.example.com/connect/callback',
    });
    const listed = await api.ask('GET', '/oauth-apps');
    const { client_secret, ...shown } = app;
    expect(listed.json().data).toEqual([{ ...shown, ...kept, issuer: null }]);
    const stored = async () =>
      api.database.prisma.oauthApplication.findUniqueOrThrow({
        where: { adapter_baseUrl: { adapter: kept.adapter, baseUrl: kept.base_url } },
      });
    expect(openOauthSecret(api.keyring, await stored())).toBe(client_secret);
    const keys = await api.database.prisma.idempotencyKey.findMany();
    for (const text of [first.body, listed.body, JSON.stringify([await stored(), keys])])
      expect(text).not.toContain(client_secret);

    expect((await set()).statusCode).toBe(200);
    expect((await set({ client_secret: 'another' })).statusCode).toBe(200);
    expect(openOauthSecret(api.keyring, await stored())).toBe('another');
    const remove = () => api.ask('POST', '/oauth-apps/remove', { body: { ...kept, base_url: app.base_url } });
    expect((await remove()).statusCode).toBe(200);
    const gone = await remove();
    expect([gone.statusCode, gone.json().message]).toEqual([404, 'There is no such application.']);
    expect((await actions()).map(([action]) => action)).toEqual([
      'oauth_app.set',
      'oauth_app.set',
      'oauth_app.remove',
    ]);
    expect(
      JSON.stringify(await api.database.prisma.auditEntry.findMany(), (_, value) =>
        typeof value === 'bigint' ? String(value) : value,
      ),
    ).not.toContain(client_secret);
  });

  test.each<[string, object, string]>([
    ['an unknown adapter', { adapter: 'nothing' }, 'field: adapter (must be the name of an adapter'],
    [
      'an adapter without logins',
      { adapter: 'open-dental' },
      'field: adapter (must be one whose practices log in: ',
    ],
    ['a base URL that is none', { base_url: 'nowhere' }, 'field: base_url (cannot be used: '],
    [
      'a token URL in clear',
      { token_url: 'http://app.example.com/token' },
      'field: token_url (must be https',
    ],
    [
      'a script as the page',
      { authorize_url: 'javascript:alert(1)' },
      'field: authorize_url (must be an https URL',
    ],
    [
      'a password in an address',
      { token_url: 'https://a:b@app.example.com/' },
      'field: token_url (must not hold a user',
    ],
    [
      'a secret with a line break',
      { client_secret: 'a\nb' },
      'field: client_secret (must be 1 to 2000 printable',
    ],
    [
      'a client id that cannot be printed',
      { client_id: 'é' },
      'field: client_id (must be 1 to 2000 printable',
    ],
    ['no client id', { client_id: undefined }, 'field: client_id (must be 1 to 2000 printable'],
    ['no secret', { client_secret: undefined }, 'field: client_secret (must be 1 to 2000'],
    ['scopes with two blanks', { scopes: 'a  b' }, 'field: scopes (must be separated'],
    ['an issuer that cannot be printed', { issuer: 'é' }, 'field: issuer (must be 1 to 2000'],
  ])('are refused with %s', async (_what, wrong, message) => {
    const answer = await set(wrong);
    expect([answer.statusCode, answer.json().code], answer.body).toEqual([400, 'invalid_field']);
    expect(answer.json().message).toContain(message);
    expect(await api.database.prisma.oauthApplication.count()).toBe(0);
  });

  test('that several set at once are one', async () => {
    const answers = await Promise.all(['one', 'two', 'three'].map((client_secret) => set({ client_secret })));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    expect(await api.database.prisma.oauthApplication.count()).toBe(1);
    await api.ask('POST', '/oauth-apps/remove', { body: kept });
  });
});

test('several who rotate a secret or a token at once leave two valid ones', async () => {
  const { clientId, publicId } = await api.newPractice();
  const both = [`/clients/${clientId}/rotate-secret`, `/users/${publicId}/rotate-token`];
  const answers = await Promise.all([...both, ...both, ...both].map((path) => api.ask('POST', path)));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
  expect((await api.ask('GET', `/clients/${clientId}`)).json().data.valid_secrets).toBe(2);
  expect((await api.ask('GET', `/users/${publicId}`)).json().data.valid_tokens).toBe(2);
});

test('a user that was disabled is let in again with the tokens that it had', async () => {
  const { publicId, clientPk, accessToken } = await api.newPractice();
  const tokenHash = hashSecret(accessToken);
  const isLetIn = async () => (await findUserByToken(api, { clientPk, tokenHash })) !== null;
  expect(await isLetIn()).toBe(true);
  const early = await api.ask('POST', `/users/${publicId}/enable`);
  expect([early.statusCode, early.json().message]).toEqual([409, 'The user is already enabled.']);
  await api.ask('POST', `/users/${publicId}/disable`);
  expect(await isLetIn()).toBe(false);
  await api.audited();
  const enabled = await api.ask('POST', `/users/${publicId}/enable`);
  expect(enabled.json().data).toEqual({ user_id: publicId, enabled: true });
  expect(await isLetIn()).toBe(true);
  expect(await actions()).toEqual([['user.enable', `user:${publicId}`]]);
  expect((await api.ask('POST', '/users/user_nobody/enable')).statusCode).toBe(404);
});

test('a sync is started once, and the connection shows how far it is', async () => {
  const { publicId } = await api.newPractice();
  const connection = async () => (await api.ask('GET', `/users/${publicId}/connection`)).json().data;
  expect((await connection()).last_sync).toBeNull();
  await api.audited();
  const started = await api.ask('POST', `/users/${publicId}/sync`, { body: { full: true } });
  expect(started.json().data).toMatchObject({ user_id: publicId, started: true });
  const again = await api.ask('POST', `/users/${publicId}/sync`);
  expect(again.json().data).toEqual({ ...started.json().data, started: false });
  expect((await connection()).last_sync).toMatchObject({
    job_id: started.json().data.job_id,
    status: 'waiting',
    kind: 'full',
    ended_at: null,
  });
  expect(await actions()).toEqual([['sync.start', `user:${publicId}`]]);
  expect((await api.ask('POST', '/users/user_nobody/sync')).statusCode).toBe(404);
});

test('an event is sent again, to the endpoints that want it or to one', async () => {
  const { endpointId, clientPk } = await api.newPractice();
  const eventId = await writeEvent(api.database, { clientPk });
  await api.audited();
  const again = await api.ask('POST', `/events/${eventId}/redeliver`);
  expect(again.json().data, again.body).toEqual({ event_id: eventId, endpoint_ids: [endpointId] });
  expect(await actions()).toEqual([['event.redeliver', `event:${eventId}`]]);
  const pending = await api.ask('POST', `/events/${eventId}/redeliver`, {
    body: { endpoint_id: endpointId },
  });
  expect([pending.statusCode, pending.json().code]).toEqual([409, 'state_refused']);
  const missing = await api.ask('POST', `/events/${eventId}/redeliver`, {
    body: { endpoint_id: 'we_nothing' },
  });
  expect([missing.statusCode, missing.json().message]).toEqual([404, 'There is no such webhook endpoint.']);
  await api.ask('POST', `/webhooks/${endpointId}/disable`);
  const disabled = await api.ask('POST', `/events/${eventId}/redeliver`, {
    body: { endpoint_id: endpointId },
  });
  expect([disabled.statusCode, disabled.json().message]).toEqual([
    409,
    'The webhook endpoint is disabled. Enable it first.',
  ]);
  const unknown = await api.ask('POST', '/events/evt_nothing/redeliver');
  expect([unknown.statusCode, unknown.json().message]).toEqual([404, 'There is no such event.']);
});
