import { listOauthApplications, SYSTEM } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
