import { execFile } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { createClosingHosts } from '@emr-payments/outbound';
import type { Resolve } from '@emr-payments/outbound/guard';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents, type WebhookAgents } from './agents.ts';
import { startRawReceiver } from './raw-receiver.fixture.ts';
import { startCountingReceiver } from './receiver.fixture.ts';
import { DEADLINE_MS, type SendInput, type SendOutcome, sendWebhook } from './send.ts';
import { signHeaders } from './sign.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const now = new Date('2026-06-15T10:30:00Z');
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const toLoopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

type Change = Partial<SendInput> & { url: string };

function sendThrough(agents: WebhookAgents, policy: { allowHosts: readonly string[]; ports?: number[] }) {
  onTestFinished(() => agents.close());
  return (change: Change): Promise<SendOutcome> =>
    sendWebhook({ policy, agents }, { id: 'evt_1', body: '{}', secrets: [secret], now, ...change });
}

/** Agents whose every connection leads to one port of this machine, whatever the URL says, and that keep what they were asked for. */
function agentsTo(
  port: number,
): WebhookAgents & { asked: { host: string; port: number; servername: unknown }[] } {
  const asked: { host: string; port: number; servername: unknown }[] = [];
  type Asked = { host: string; port: number; servername?: unknown };
  const plain = new http.Agent();
  plain.createConnection = (options) => {
    const { host, port: its, servername } = options as unknown as Asked;
    asked.push({ host, port: its, servername });
    return connect(port, '127.0.0.1');
  };
  const tls = new https.Agent();
  tls.createConnection = (options) => {
    const { host, port: its, servername } = options as unknown as Asked;
    asked.push({ host, port: its, servername });
    return connectTls({ port, host: '127.0.0.1', ca: TEST_CERTIFICATE, servername: String(servername) });
  };
  const both = { http: plain, https: tls };
  const closing = createClosingHosts();
  return { ...both, unkept: both, closing, close: () => undefined, isClosed: () => false, asked };
}

describe('the bytes of a request', () => {
  test('are the head that we make, the length of the body in bytes, and the body', async () => {
    const receiver = await startRawReceiver({ onData: (socket) => socket.write(OK) });
    const send = sendThrough(createAgents({ policy: { allowHosts: ['127.0.0.1'] } }), {
      allowHosts: ['127.0.0.1'],
    });
    const body = '{"note":"Müller – 350 €"}';
    const url = `http://127.0.0.1:${receiver.port}/a%20b/ü?q=1&x=é#part`;
    expect(await send({ url, body })).toMatchObject({ outcome: 'delivered', excerpt: 'ok' });
    const signed = signHeaders({ id: 'evt_1', timestamp: now, body, secrets: [secret] });
    const head = [
      'POST /a%20b/%C3%BC?q=1&x=%C3%A9 HTTP/1.1',
      ...Object.entries(signed).map(([name, value]) => `${name}: ${value}`),
      'content-type: application/json',
      'user-agent: emr-payments/1.0 (webhooks)',
      `content-length: ${Buffer.byteLength(body)}`,
      `Host: 127.0.0.1:${receiver.port}`,
      'Connection: keep-alive',
    ];
    expect(receiver.text()).toBe(`${head.join('\r\n')}\r\n\r\n${Buffer.from(body).toString('latin1')}`);
  });

  test.each([
    ['text', '{"lone":"\ud800"}'],
    ['bytes', Buffer.from([0, 0xff, 0xc3, 0x28, 0x0d, 0x0a])],
    ['nothing', ''],
  ])('a body of %s has its length and its bytes', async (_name, body) => {
    const receiver = await startCountingReceiver((response) => response.writeHead(204).end());
    const send = sendThrough(createAgents({ policy: { allowHosts: ['127.0.0.1'] } }), {
      allowHosts: ['127.0.0.1'],
    });
    expect(await send({ url: receiver.url, body })).toMatchObject({ outcome: 'delivered' });
    const [request] = receiver.received;
    const bytes = Buffer.from(body);
    expect(request?.body).toEqual(bytes);
    expect(request?.headers).toMatchObject({ 'content-length': String(bytes.length) });
    expect(request?.headers).not.toHaveProperty('transfer-encoding');
    const signed = signHeaders({ id: 'evt_1', timestamp: now, body: bytes, secrets: [secret] });
    expect(request?.headers['webhook-signature']).toBe(signed['webhook-signature']);
  });

  test.each([
    ['an IPv6 address', 'http://[2001:db8::1]:4020/', '2001:db8::1', 4020, '[2001:db8::1]:4020'],
    ['an IPv6 address at its usual port', 'http://[2001:db8::1]/', '2001:db8::1', 80, '[2001:db8::1]'],
    [
      'an international name',
      'http://bücher.example.test/',
      'xn--bcher-kva.example.test',
      80,
      'xn--bcher-kva.example.test',
    ],
    [
      'a name in capitals',
      'http://Hooks.Example.TEST:8443/',
      'hooks.example.test',
      8443,
      'hooks.example.test:8443',
    ],
  ])('%s: where it is sent, and its Host', async (_name, url, host, port, hostHeader) => {
    const receiver = await startRawReceiver({ onData: (socket) => socket.write(OK) });
    const agents = agentsTo(receiver.port);
    const send = sendThrough(agents, { allowHosts: [host] });
    expect(await send({ url })).toMatchObject({ outcome: 'delivered' });
    expect(agents.asked).toMatchObject([{ host, port }]);
    expect(receiver.text()).toContain(`\r\nHost: ${hostHeader}\r\n`);
  });

  test('port 0 is refused: Node would take 80 for it', async () => {
    const receiver = await startRawReceiver({ onData: (socket) => socket.write(OK) });
    const agents = agentsTo(receiver.port);
    const send = sendThrough(agents, { allowHosts: ['hooks.example.test'] });
    expect(await send({ url: 'http://hooks.example.test:0/' })).toMatchObject({ kind: 'address_refused' });
    expect(agents.asked).toEqual([]);
  });
});

describe('over TLS', () => {
  async function tlsReceiver() {
    const receiver = await startRawReceiver({ onData: (socket) => socket.write(OK), tls: true });
    const policy = { allowHosts: ['127.0.0.1/32'], ports: [receiver.port] };
    const agents = createAgents({ policy, resolve: toLoopback, ca: TEST_CERTIFICATE });
    return { receiver, send: sendThrough(agents, policy) };
  }

  test('the name of the URL is sent (SNI), and the certificate must be for it', async () => {
    const { receiver, send } = await tlsReceiver();
    const url = `https://hooks.example.test:${receiver.port}/`;
    expect(await send({ url })).toMatchObject({ outcome: 'delivered' });
    expect(await send({ url: `https://other.example.test:${receiver.port}/` })).toMatchObject({
      kind: 'tls',
      detail: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
    expect(receiver.servernames).toEqual(['hooks.example.test', 'other.example.test']);
    expect(receiver.text().match(/POST/g)).toHaveLength(1);
  });

  test('an international name is sent as its ASCII form, and an address is not sent', async () => {
    const { receiver, send } = await tlsReceiver();
    expect(await send({ url: `https://bücher.example.test:${receiver.port}/` })).toMatchObject({
      kind: 'tls',
    });
    expect(await send({ url: `https://127.0.0.1:${receiver.port}/` })).toMatchObject({ kind: 'tls' });
    expect(receiver.servernames).toEqual(['xn--bcher-kva.example.test']);
    expect(receiver.text()).toBe('');
  });

  test('the connection is kept for the next webhook', async () => {
    const { receiver, send } = await tlsReceiver();
    const url = `https://hooks.example.test:${receiver.port}/`;
    for (let n = 0; n < 3; n += 1) expect(await send({ url })).toMatchObject({ outcome: 'delivered' });
    expect(receiver.connections).toEqual({ opened: 1, closed: 0 });
  });
});

test.each([
  [
    'an encoded body that is none',
    'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\ntext',
    'delivered',
    'text',
  ],
  ['an answer to the end of the connection', 'HTTP/1.1 200 OK\r\n\r\ntext', 'delivered', 'text'],
  ['an answer of HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\ntext', 'delivered', 'text'],
  [
    '304 with the length of a body that it does not have',
    'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n',
    'failed',
    '',
  ],
  [
    '401 with a challenge',
    'HTTP/1.1 401 No\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n',
    'failed',
    '',
  ],
  [
    '407 of a proxy',
    'HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n',
    'failed',
    '',
  ],
  ['425', 'HTTP/1.1 425 Too Early\r\ncontent-length: 0\r\n\r\n', 'failed', ''],
])('%s is read as it is, and nothing is sent again', async (_name, answer, outcome, excerpt) => {
  const receiver = await startRawReceiver({
    onData: (socket) => (answer.includes('length') ? socket.write(answer) : socket.end(answer)),
  });
  const policy = { allowHosts: ['127.0.0.1'] };
  const send = sendThrough(createAgents({ policy }), policy);
  const result = await send({ url: `http://127.0.0.1:${receiver.port}/` });
  expect(result).toMatchObject({ outcome, excerpt });
  expect(result.durationMs).toBeLessThan(DEADLINE_MS);
  expect(receiver.text().match(/POST/g)).toHaveLength(1);
});

test('the proxy variables are ignored', async () => {
  const receiver = await startCountingReceiver((response) => response.writeHead(204).end());
  const proxy = await startCountingReceiver((response) => response.writeHead(502).end());
  const url = new URL(proxy.url).origin;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'send-once.fixture.ts'), receiver.url],
    {
      env: {
        NODE_USE_ENV_PROXY: '1',
        ...Object.fromEntries(
          ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [
            [name, url],
            [name.toLowerCase(), url],
          ]),
        ),
      },
    },
  );
  expect(JSON.parse(stdout)).toMatchObject({ outcome: 'delivered', httpStatus: 204 });
  expect(proxy.connections.opened).toBe(0);
});
