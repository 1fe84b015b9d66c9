import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guardedNetwork, OPEN_NETWORK } from '../network.ts';
import { discoverSmart } from './discover-smart.ts';

const NEEDS = [
  { resource: 'Patient', may: 'rs' },
  { resource: 'PaymentNotice', may: 'crs' },
];
const GOOD = {
  authorization_endpoint: 'https://emr.example/authorize',
  token_endpoint: 'https://emr.example/token',
  capabilities: ['launch-standalone', 'permission-v2'],
};

let answer: { status: number; body: string; headers?: Record<string, string> };
const asked: string[] = [];
const emr = createServer((request, response) => {
  asked.push(request.url ?? '');
  response
    .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    .end(answer.body);
});
let baseUrl: string;
beforeAll(async () => {
  emr.listen(0, '127.0.0.1');
  await once(emr, 'listening');
  baseUrl = `http://127.0.0.1:${(emr.address() as AddressInfo).port}/fhir/r4`;
});
afterAll(() => {
  emr.closeAllConnections();
  emr.close();
});
const discover = (document: object | string, status = 200, headers = {}) => {
  answer = { status, body: typeof document === 'string' ? document : JSON.stringify(document), headers };
  return discoverSmart({ network: OPEN_NETWORK }, { baseUrl, needs: NEEDS });
};

test('reads the document below the base URL', async () => {
  expect(await discover(GOOD)).toEqual({
    outcome: 'found',
    server: {
      authorizeUrl: GOOD.authorization_endpoint,
      tokenUrl: GOOD.token_endpoint,
      issuer: null,
      namesItself: false,
      clientAuth: 'basic',
    },
    scopes: 'offline_access user/Patient.rs user/PaymentNotice.crs',
  });
  expect(asked.at(-1)).toBe('/fhir/r4/.well-known/smart-configuration');
});

test.each<[string, object, string]>([
  ['version 2 by its scopes alone', { capabilities: [], scopes_supported: ['user/*.rs'] }, 'user/Patient.rs'],
  [
    'version 1 by its capabilities',
    { capabilities: ['permission-v1'], scopes_supported: ['user/*.rs'] },
    'user/Patient.read',
  ],
  ['nothing, as SMART 1.0', { capabilities: ['launch-standalone'] }, 'user/PaymentNotice.write'],
])('asks for scopes in the form of a server that speaks %s', async (_what, change, scope) => {
  const found = await discover({ ...GOOD, ...change });
  expect(found).toMatchObject({ outcome: 'found', scopes: expect.stringContaining(scope) });
  expect(found).toMatchObject({ scopes: expect.stringMatching(/^offline_access /) });
});

test.each<[string, object, 'basic' | 'post']>([
  ['both', { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] }, 'basic'],
  [
    'the body alone',
    { token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_post'] },
    'post',
  ],
])('sends the secret as the server takes it: %s', async (_what, change, clientAuth) => {
  expect(await discover({ ...GOOD, ...change })).toMatchObject({ server: { clientAuth } });
});

test.each<[string, object | string, number?, object?]>([
  ['nothing', '', 404],
  ['a page', '<html>', 200],
  ['a list', '[]', 200],
  [
    'two documents in one',
    '{"token_endpoint":"https://a/","token_endpoint":"https://b/","authorization_endpoint":"https://a/"}',
  ],
  ['no place to log in', { ...GOOD, authorization_endpoint: undefined }],
  ['a token endpoint that is no text', { ...GOOD, token_endpoint: ['https://a/'] }],
  ['keys as the only proof', { ...GOOD, token_endpoint_auth_methods_supported: ['private_key_jwt'] }],
  ['no PKCE by S256', { ...GOOD, code_challenge_methods_supported: ['plain'] }],
  ['a way elsewhere', GOOD, 302, { location: 'http://127.0.0.1:1/' }],
])('a server that publishes %s has no logins', async (_what, document, status, headers) => {
  expect(await discover(document, status, headers)).toEqual({ outcome: 'no_logins' });
});

test('a server that cannot be reached, answers too much, or may not be called is unavailable', async () => {
  expect(await discover(`{"x":"${'x'.repeat(300_000)}"}`)).toMatchObject({ outcome: 'unavailable' });
  const before = asked.length;
  const network = guardedNetwork({ policy: { allowHosts: [] }, resolve: async () => [] });
  expect(await discoverSmart({ network }, { baseUrl, needs: NEEDS })).toMatchObject({
    outcome: 'unavailable',
  });
  expect(asked).toHaveLength(before);
  expect(
    await discoverSmart({ network: OPEN_NETWORK }, { baseUrl: 'http://127.0.0.1:1/fhir', needs: NEEDS }),
  ).toMatchObject({ outcome: 'unavailable' });
});
