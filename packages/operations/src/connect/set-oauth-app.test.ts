import { findUser, listOauthApplications, openCredentials, SYSTEM } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpConnection } from '../connections/set-up-connection.ts';
import { openService, type Service } from '../testing/service.ts';
import { networkOf } from './login-server.ts';
import { setOauthApp } from './set-oauth-app.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.close());

const set = (change: object) =>
  setOauthApp(service, {
    adapter: 'fhir-r4',
    baseUrl: 'https://fhir.example.com/r4/',
    authorizeUrl: null,
    tokenUrl: null,
    clientId: 'us',
    clientSecret: 'geheim',
    scopes: '',
    issuer: null,
    by: SYSTEM,
    ...change,
  });

test('an application of a FHIR server needs no addresses, and is kept with its secret sealed', async () => {
  const application = { adapter: 'fhir-r4', baseUrl: 'https://fhir.example.com/r4' };
  expect(await set({})).toMatchObject({ outcome: 'set', application });
  const [stored] = await listOauthApplications(service);
  expect(stored).toMatchObject({ ...application, authorizeUrl: null, tokenUrl: null });
  expect(stored?.clientSecret).not.toContain('geheim');
});

const ADDRESSES = { authorizeUrl: 'https://a.example/authorize', tokenUrl: 'https://a.example/token' };
test.each<[string, object, object]>([
  [
    'one address of two',
    { ...ADDRESSES, tokenUrl: null },
    { outcome: 'wrong', field: 'token_url', rule: expect.stringContaining('belong together') },
  ],
  [
    'no address of an EMR that publishes none',
    { adapter: 'drchrono' },
    { outcome: 'wrong', field: 'authorize_url', rule: expect.stringContaining('publishes none') },
  ],
  [
    'a token URL in clear',
    { ...ADDRESSES, tokenUrl: 'http://a.example/token' },
    { outcome: 'wrong', field: 'token_url', rule: expect.stringContaining('must be https') },
  ],
  [
    'a base URL in clear',
    { baseUrl: 'http://a.example' },
    { outcome: 'wrong', field: 'base_url', rule: expect.stringContaining('must be https') },
  ],
  [
    'two blanks in the scopes',
    { scopes: 'a  b' },
    { outcome: 'wrong', field: 'scopes', rule: expect.stringContaining('single blanks') },
  ],
  [
    'an adapter without logins',
    { adapter: 'open-dental' },
    { outcome: 'no_logins', adapters: ['drchrono', 'fhir-r4', 'fhir-r5'].sort() },
  ],
  ['an unknown adapter', { adapter: 'fax' }, { outcome: 'unknown_adapter' }],
])('refuses %s', async (_what, change, outcome) => {
  const result = await set(change);
  expect('adapters' in result ? { ...result, adapters: [...result.adapters].sort() } : result).toMatchObject(
    outcome,
  );
});

test('an exchange at a published address is guarded, one at the operator’s own is not', () => {
  const of = (published: boolean) => networkOf(service, { published, clientMode: 'live' });
  expect(() => of(true).assertUrl('https://10.0.0.1/token')).toThrow();
  expect(() => of(false).assertUrl('https://10.0.0.1/token')).not.toThrow();
});

test('a new secret of an application goes to the connections that were made with the former one, and to no other', async () => {
  const baseUrl = 'https://drchrono.example';
  const app = { adapter: 'drchrono', baseUrl, ...ADDRESSES };
  const connect = async (credentials: Record<string, string>, address = baseUrl) => {
    const made = await setUpConnection(service, {
      owner: { clientId: service.clientId, name: 'Main Street' },
      adapter: 'drchrono',
      baseUrl: address,
      timeZone: 'UTC',
      credentials: { refresh_token: 'login', ...credentials },
      settings: {},
      concurrency: 4,
      allowPlainHttp: false,
      allowOtherPractice: false,
      check: false,
      guarded: false,
      setsLimits: true,
      by: service.by,
    });
    if (made.outcome !== 'created') throw new Error(JSON.stringify(made));
    return made.publicId;
  };
  const stored = async (publicId: string) => {
    const user = await findUser(service, { publicId });
    if (user?.connection == null) throw new Error('no connection');
    const { credentials, updatedAt } = user.connection;
    return { ...openCredentials(service.keyring, { userId: user.id, credentials }), updatedAt };
  };
  await set({ ...app, clientSecret: 'former' });
  const ours = await connect({ client_id: 'us', client_secret: 'former' });
  const others = [
    await connect({ client_id: 'another', client_secret: 'former' }),
    await connect({ client_id: 'us', client_secret: 'of an older day' }),
    await connect({ client_id: 'us', client_secret: 'former' }, 'https://elsewhere.example'),
  ];
  const before = await Promise.all([ours, ...others].map(stored));
  expect(await set({ ...app, clientSecret: 'rotated' })).toMatchObject({ outcome: 'set' });
  const [changed, ...kept] = await Promise.all([ours, ...others].map(stored));
  expect(changed).toMatchObject({ client_id: 'us', client_secret: 'rotated', refresh_token: 'login' });
  expect(changed?.updatedAt).not.toEqual(before[0]?.updatedAt);
  expect(kept).toEqual(before.slice(1));
  const entries = (await service.audited()).filter(({ action }) => action === 'user.connect');
  expect(entries.at(-1)).toMatchObject({ subject: `user:${ours}`, detail: { secret_of_application: true } });
  // An application of another client says nothing about the logins of this one.
  await set({ ...app, clientId: 'successor', clientSecret: 'its own' });
  expect(await stored(ours)).toMatchObject({ client_id: 'us', client_secret: 'rotated' });
});
