import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { AddressPolicy, Resolve } from '@emr-payments/outbound/guard';
import { nameServers } from '@emr-payments/testkit';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createNetworks, guardedNetwork, type Network, OPEN_NETWORK } from '../network.ts';
import { exchange } from './exchange.ts';
import { describeNoAnswer } from './no-answer.ts';

const NAME = 'hooks.example.test';
const PUBLIC = '93.184.215.14';
const REFUSED = {
  code: 'address_refused',
  detail:
    "The EMR's address is not one that this connection may call: it must be a public address, called over https.",
};

/** Counts the connections that are opened to it, and keeps the requests. */
async function emr({ tls = true, answer }: { tls?: boolean; answer?: RequestListener } = {}) {
  const seen = { connections: 0, requests: [] as string[] };
  const handle: RequestListener = (request, response) => {
    seen.requests.push(`${request.method} ${request.url}`);
    if (answer !== undefined) answer(request, response);
    else response.end('{}');
  };
  const server = tls
    ? createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, handle)
    : createPlainServer(handle);
  server.on('connection', () => {
    seen.connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, port: (server.address() as AddressInfo).port };
}

function guarded(
  policy: AddressPolicy,
  resolve: Resolve,
  trust: { ca?: string } = { ca: TEST_CERTIFICATE },
): Network {
  const network = guardedNetwork({ policy, resolve }, trust);
  onTestFinished(() => {
    for (const pool of [network.kept, network.unshared]) {
      pool.http.destroy();
      pool.https.destroy();
    }
  });
  return network;
}

const nobody = { allowHosts: [] };
/** The loopback address counts as public: the one at which the test's EMR is. */
const loopback = { allowHosts: ['127.0.0.1/32'] };

const call = (network: Network, url: string, change: { unshared?: boolean; body?: string } = {}) =>
  exchange(network, {
    method: change.body === undefined ? 'GET' : 'POST',
    url,
    headers: {},
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    maxAnswerBytes: 64 * 1024,
    unshared: change.unshared,
    ...(change.body === undefined ? {} : { body: { text: change.body, mayStillSend: () => true } }),
  });

async function troubleOf(network: Network, url: string, change: Parameters<typeof call>[2] = {}) {
  const result = await call(network, url, change);
  if (result.kind === 'answer') throw new Error(`answered ${result.status}`);
  expect(result.handedOver).toBe(false);
  return describeNoAnswer(result);
}

describe.each([
  ['kept', false],
  ['of its own', true],
])('on a connection that is %s', (_, unshared) => {
  test.each([
    ['a read', undefined],
    ['a send', '{"amount":1}'],
  ])('%s to a name that now leads to a private address is not made', async (_what, body) => {
    const { seen, port } = await emr();
    const { resolve, asked } = nameServers(['127.0.0.1']);
    const network = guarded({ ...nobody, ports: [port] }, resolve);
    const change = { unshared, ...(body === undefined ? {} : { body }) };
    expect(await troubleOf(network, `https://${NAME}:${port}/x`, change)).toEqual(REFUSED);
    expect(asked).toEqual([NAME]);
    expect(seen.connections).toBe(0);
  });

  test('a name that leads to an allowed address is called, and asked for once', async () => {
    const { seen, port } = await emr();
    const { resolve, asked } = nameServers(['127.0.0.1'], ['10.0.0.1']);
    const network = guarded({ ...loopback, ports: [port] }, resolve);
    expect(await call(network, `https://${NAME}:${port}/x`, { unshared })).toMatchObject({ status: 200 });
    expect(asked).toEqual([NAME]);
    expect(seen.requests).toEqual(['GET /x']);
  });

  test.each([
    ['first', ['10.0.0.1', '127.0.0.1']],
    ['last', ['127.0.0.1', '10.0.0.1']],
    ['of the other family', ['127.0.0.1', 'fd00::1']],
    ['mapped into IPv6', ['127.0.0.1', '::ffff:127.0.0.1']],
    ['that gives credentials of a cloud', ['127.0.0.1', '169.254.169.254']],
  ])('one address that is not allowed is enough: %s', async (_where, addresses) => {
    const { seen, port } = await emr();
    const { resolve } = nameServers(addresses);
    const network = guarded({ ...loopback, ports: [port] }, resolve);
    expect(await troubleOf(network, `https://${NAME}:${port}/`, { unshared })).toEqual(REFUSED);
    expect(seen.connections).toBe(0);
  });
});

test('each new connection is checked again: a name that changed is refused after it was called', async () => {
  const { seen, port } = await emr();
  const { resolve } = nameServers(['127.0.0.1'], ['10.0.0.1']);
  const network = guarded({ ...loopback, ports: [port] }, resolve);
  const url = `https://${NAME}:${port}/`;
  expect(await call(network, url)).toMatchObject({ status: 200 });
  // The kept connection leads where it was checked to lead.
  expect(await call(network, url)).toMatchObject({ status: 200 });
  expect(await troubleOf(network, url, { unshared: true })).toEqual(REFUSED);
  expect(seen.connections).toBe(1);
});

test.each([
  ['is for another name', '127.0.0.1', { ca: TEST_CERTIFICATE }],
  ['nobody vouches for', NAME, {}],
])('an EMR whose certificate %s receives nothing', async (_, host, trust) => {
  const { seen, port } = await emr();
  const { resolve } = nameServers(['127.0.0.1']);
  const network = guarded({ ...loopback, ports: [port] }, resolve, trust);
  expect(await troubleOf(network, `https://${host}:${port}/`, { body: '{}' })).toMatchObject({ code: 'tls' });
  expect(seen.requests).toEqual([]);
});

test('no connection is shared with calls that are not guarded', async () => {
  const { seen, port } = await emr({ tls: false });
  const url = `http://127.0.0.1:${port}/`;
  expect(await call(OPEN_NETWORK, url)).toMatchObject({ status: 200 });
  expect(await troubleOf(guarded(nobody, nameServers([PUBLIC]).resolve), url)).toEqual(REFUSED);
  expect(seen.connections).toBe(1);
});

test.each([
  ['http', (port: number) => `http://${NAME}:${port}/`],
  ['an address of this machine', (port: number) => `https://127.0.0.1:${port}/`],
  ['one in IPv6', (port: number) => `https://[::1]:${port}/`],
  ['one mapped into IPv6', (port: number) => `https://[::ffff:127.0.0.1]:${port}/`],
  ['a decimal one', (port: number) => `https://2130706433:${port}/`],
  ['an octal one', (port: number) => `https://0177.0.0.1:${port}/`],
  ['a hexadecimal one', (port: number) => `https://0x7f.1:${port}/`],
  ['a short one', (port: number) => `https://127.1:${port}/`],
  ['a trailing full stop', (port: number) => `https://${NAME}.:${port}/`],
  ['a name of this network', (port: number) => `https://localhost:${port}/`],
  ['a user in the URL', (port: number) => `https://${NAME}@127.0.0.1:${port}/`],
  ['another port', () => `https://${NAME}:22/`],
])('a URL with %s is refused before a name is looked up', async (_, urlOf) => {
  const { seen, port } = await emr();
  const { resolve, asked } = nameServers(['127.0.0.1']);
  const network = guarded({ ...nobody, ports: [port] }, resolve);
  expect(await troubleOf(network, urlOf(port))).toEqual(REFUSED);
  expect(asked).toEqual([]);
  expect(seen.connections).toBe(0);
});

test('a redirect is not followed', async () => {
  const inner = await emr();
  const outer = await emr({
    answer: (_request, response) =>
      response.writeHead(302, { location: `https://127.0.0.1:${inner.port}/metadata` }).end(),
  });
  const { resolve } = nameServers(['127.0.0.1']);
  const network = guarded({ ...loopback, ports: [outer.port] }, resolve);
  expect(await call(network, `https://${NAME}:${outer.port}/`)).toMatchObject({ status: 302 });
  expect(inner.seen.connections).toBe(0);
});

test.each([[[]], [['rejects']]])('a name without an address is a fault of the DNS', async (addresses) => {
  const { port } = await emr();
  const resolve: Resolve = async () => {
    if (addresses.length > 0) throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    return [];
  };
  const network = guarded({ ...nobody, ports: [port] }, resolve);
  expect(await troubleOf(network, `https://${NAME}:${port}/`)).toMatchObject({ code: 'dns' });
});

test('name servers that do not answer take no longer than the call may', async () => {
  const { port } = await emr();
  const network = guarded({ ...nobody, ports: [port] }, () => new Promise(() => undefined));
  const result = await exchange(network, {
    method: 'GET',
    url: `https://${NAME}:${port}/`,
    headers: {},
    signal: new AbortController().signal,
    timeoutMs: 100,
    maxAnswerBytes: 1000,
  });
  if (result.kind === 'answer') throw new Error('answered');
  expect(describeNoAnswer(result).code).toBe('timeout');
});

describe('the networks of a process', () => {
  test('only a guarded connection of a test client may call a sandbox, also by http', async () => {
    const { port } = await emr({ tls: false });
    const url = `http://127.0.0.1:${port}/`;
    const networks = createNetworks({ sandboxHosts: [`127.0.0.1:${port}`] });
    const to = (owner: Parameters<typeof networks.of>[0]) => call(networks.of(owner), url);
    expect(await to({ guarded: true, clientMode: 'test' })).toMatchObject({ status: 200 });
    expect(await to({ guarded: true, clientMode: 'live' })).toMatchObject({ kind: 'no_answer' });
    expect(await to({ guarded: false, clientMode: 'live' })).toMatchObject({ status: 200 });
    const without = createNetworks();
    expect(await call(without.of({ guarded: true, clientMode: 'test' }), url)).toMatchObject({
      kind: 'no_answer',
    });
  });

  test('connections that are not guarded share one network, and no guard is made for them', () => {
    const networks = createNetworks();
    expect(networks.of({ guarded: false, clientMode: 'test' })).toBe(OPEN_NETWORK);
    expect(networks.guardOf({ guarded: false, clientMode: 'live' })).toBeNull();
    expect(networks.of({ guarded: true, clientMode: 'live' })).toBe(
      networks.of({ guarded: true, clientMode: 'live' }),
    );
    expect(networks.of({ guarded: true, clientMode: 'live' })).not.toBe(
      networks.of({ guarded: true, clientMode: 'test' }),
    );
  });
});
