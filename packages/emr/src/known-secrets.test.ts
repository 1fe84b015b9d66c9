import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { EmrConnection } from './adapter.ts';
import type { TokenSources } from './adapter-deps.ts';
import { openAdapter } from './adapters.ts';
import { knownSecrets } from './known-secrets.ts';
import { localAdapterDeps } from './local-deps.ts';

const NONE: TokenSources = {
  of: () => ({
    get: async () => {
      throw new Error('no token is got');
    },
  }),
};
const without = (words: string, credentials: Record<string, string> = { key: 'sesame-4711' }) =>
  knownSecrets({ credentials }, NONE).without(words);

test.each<[string, string]>([
  ['Key sesame-4711, again sesame-4711.', 'Key [credential], again [credential].'],
  ['Key sesame-47…', 'Key [credential]…'],
  ['Key sesame-47… is the key sesame-4711', 'Key [credential]… is the key [credential]'],
  ['Key ses…', 'Key ses…'],
  ['A sesame roll', 'A sesame roll'],
])('%j becomes %j', (words, expected) => {
  expect(without(words)).toBe(expected);
});

test('of two secrets the longer is taken out whole, and a text that is too short is none', () => {
  expect(without('abcd abcdef', { a: 'abcd', b: 'abcdef' })).toBe('[credential] [credential]');
  expect(without('the cat', { a: 'a', b: '', c: 'cat' })).toBe('the cat');
});

/** An EMR that gives a token and refuses everything else, repeating what it got. */
async function repeatingEmr(token: string): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const isToken = request.url === '/o/token/';
      const body = isToken
        ? { access_token: token, token_type: 'Bearer', refresh_token: 'refresh-2' }
        : { detail: `Not with ${request.headers.authorization}.` };
      response
        .writeHead(isToken ? 200 : 403, { 'content-type': 'application/json' })
        .end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close().closeAllConnections());
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const posting = (methodId: string) => ({
  paymentId: 'a'.repeat(32),
  emrPatientId: '7',
  amount: '1.00',
  referenceNumber: 'R',
  notes: null,
  depositDate: '2026-01-05',
  method: { id: methodId, name: 'Cash' },
  location: { id: '1', name: 'any' },
});

test.each<[string, string, string, Record<string, string>]>([
  [
    'drchrono',
    'CASH',
    'token-of-ten-hours',
    { client_id: 'our-client', client_secret: 'secret', refresh_token: 'first' },
  ],
  ['open-dental', '71', 'unused', { developer_key: 'developer-key', customer_key: 'customer-key' }],
])(
  'an EMR of %s that repeats what we prove ourselves with is quoted without it',
  async (name, methodId, token, credentials) => {
    const connection: EmrConnection = {
      userId: 1,
      adapter: name,
      baseUrl: await repeatingEmr(token),
      credentials,
      settings: {},
      timeZone: 'America/New_York',
    };
    const adapter = openAdapter(connection, localAdapterDeps());
    const signal = AbortSignal.timeout(60_000);
    const outcome = await adapter.post(posting(methodId), { signal, mayStillSend: () => true });
    const checked = await adapter.check({ signal });
    expect(outcome).toMatchObject({ emrText: expect.stringContaining('[credential]') });
    expect(checked).toMatchObject({ reason: expect.stringContaining('[credential]') });
    for (const secret of [token, ...Object.values(credentials)])
      expect(JSON.stringify([outcome, checked])).not.toContain(secret);
  },
);
