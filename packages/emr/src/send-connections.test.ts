import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { openAdapter } from './adapters.ts';
import { sending } from './conformance/rule.ts';
import { localAdapterDeps } from './local-deps.ts';
import { somePosting } from './testing/vendor-server.fixture.ts';

const TOKEN = '{"access_token":"token-1","token_type":"Bearer","expires_in":3600}';
const CLIENT = { client_id: 'client1', client_secret: 's3cret' };

/** A far end that ends each connection at its second request, unanswered, as one that closes a kept connection at that moment. */
async function openClosingServer(): Promise<string> {
  const used = new WeakSet<object>();
  const server = createServer((request, response) => {
    if (used.has(request.socket)) {
      request.socket.resetAndDestroy();
      return;
    }
    used.add(request.socket);
    const isToken = request.url?.includes('token') === true;
    response.writeHead(isToken ? 200 : 201, {
      'content-type': 'application/json',
      ...(isToken ? {} : { location: `${request.url}/77` }),
    });
    request.resume().on('end', () => response.end(isToken ? TOKEN : 'null'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('of an EMR that can be asked, one payment is lost with its connection, and the next ones have connections of their own', async () => {
  const connection = {
    userId: 1,
    adapter: 'fhir-r5',
    baseUrl: await openClosingServer(),
    credentials: { bearer_token: 'token-1' },
    settings: {},
    timeZone: 'America/New_York',
  };
  const opened = openAdapter(connection, localAdapterDeps());
  const codes: string[] = [];
  for (let sent = 0; sent < 6; sent += 1) {
    const outcome = await opened.post(somePosting({ method: { id: 'CASH', name: 'Cash' } }), sending());
    codes.push('code' in outcome ? outcome.code : outcome.outcome);
  }
  expect(codes.filter((code) => code === 'connection_reset')).toHaveLength(1);
});

test.each<[string, Record<string, string>, Record<string, string | boolean>]>([
  ['canvas', CLIENT, {}],
  ['athena-record', CLIENT, { practice_id: '195900' }],
  ['fhir-r5', {}, { conditional_create: false, search: false }],
  ['fhir-r4', { bearer_token: 'token-1' }, { conditional_create: false, search: false }],
])(
  '%s cannot be asked after a lost answer, so no payment goes over a kept connection, which may be ending',
  async (adapter, credentials, settings) => {
    const connection = {
      userId: 1,
      adapter,
      baseUrl: await openClosingServer(),
      credentials,
      settings,
      timeZone: 'America/New_York',
    };
    const opened = openAdapter(connection, localAdapterDeps());
    expect(opened.capability).toBe('none');
    for (let sent = 0; sent < 3; sent += 1) {
      const outcome = await opened.post(somePosting({ method: { id: 'CASH', name: 'Cash' } }), sending());
      expect('code' in outcome ? outcome.code : outcome.outcome).not.toBe('connection_reset');
    }
  },
);
