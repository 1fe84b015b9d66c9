import type { Socket } from 'node:net';
import { FLOODS, type Flood, pourInto, startRawServer } from '@emr-payments/testkit/flood';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents } from './agents.ts';
import { startCountingReceiver } from './receiver.fixture.ts';
import { type SendOutcome, sendWebhook } from './send.ts';
import { newWebhookSecret } from './signing-secrets.ts';

const MIB = 1024 * 1024;
const HOST = 'hooks.example.test';
const secret = newWebhookSecret();

/** Starts a bare receiver, and returns it with the way to send to it: plain, or over TLS under the certificate's name. */
async function receiverThat(onData: (socket: Socket) => void, wire: string, deadlineMs = 15_000) {
  const tls = wire === 'tls';
  const receiver = await startRawServer(onData, { tls });
  const policy = { allowHosts: ['127.0.0.1/32'], ports: [receiver.port] };
  const agents = createAgents({
    policy,
    ca: TEST_CERTIFICATE,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  onTestFinished(() => {
    agents.close();
    receiver.close();
  });
  const send = (url: string): Promise<SendOutcome> =>
    sendWebhook(
      { policy, agents, deadlineMs },
      { url, id: 'evt_1', body: '{}', secrets: [secret], now: new Date() },
    );
  const url = tls ? `https://${HOST}:${receiver.port}/` : receiver.url;
  return { receiver, send, url };
}

/** True when all connections to it are closed. */
const isLeft = ({ connections: { opened, closed } }: { connections: { opened: number; closed: number } }) =>
  closed === opened;

describe.each(['plain', 'tls'])('over %s', (wire) => {
  test.each(Object.entries<Flood>(FLOODS))(
    'of %s little is read, and the final head decides',
    async (_, flood) => {
      const { receiver, send, url } = await receiverThat((socket) => pourInto(socket, flood), wire);
      const outcome = await send(url);
      if (flood.headCame) expect(outcome).toMatchObject({ outcome: 'delivered', httpStatus: 200 });
      else expect(outcome).toMatchObject({ outcome: 'failed', kind: 'answer_too_large' });
      await expect.poll(() => isLeft(receiver)).toBe(true);
      // 64 KiB are read. The rest is in the buffers of both sockets; without a bound this would be gigabytes by the deadline.
      expect(receiver.sent()).toBeLessThan(16 * MIB);
    },
  );

  test('of a flood after a status that is no 2xx, the status decides', async () => {
    const begin = 'HTTP/1.1 503 Down\r\nretry-after: 120\r\ntransfer-encoding: chunked\r\n\r\n';
    const { send, url } = await receiverThat(
      (socket) => pourInto(socket, { ...FLOODS['chunks of one byte'], begin }),
      wire,
    );
    expect(await send(url)).toMatchObject({ kind: 'http_status', httpStatus: 503, retryAfterMs: 120_000 });
  });

  test.each([
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    ['205 without a length', 'HTTP/1.1 205 Reset Content\r\n\r\n', 205, ''],
    ['205 with a length', 'HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n', 205, ''],
    ['200 with its body', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok', 200, 'ok'],
    [
      '201 in chunks',
      'HTTP/1.1 201 Made\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      201,
      'ok',
    ],
  ])(
    'bytes after a %s change nothing, in one packet and later',
    async (_name, answer, httpStatus, excerpt) => {
      const surplus = '{"status":"received"}\r\n';
      const delivered = { outcome: 'delivered', httpStatus, excerpt };
      const together = await receiverThat((socket) => socket.write(answer + surplus), wire);
      const later = await receiverThat((socket) => {
        socket.write(answer);
        setImmediate(() => socket.write(surplus));
      }, wire);
      for (const { receiver, send, url } of [together, later]) {
        for (let n = 1; n <= 3; n += 1) {
          expect(await send(url)).toMatchObject(delivered);
          // Never used again: the next webhook would take the surplus for its answer.
          await expect.poll(() => receiver.connections).toEqual({ opened: n, closed: n });
        }
      }
    },
  );

  test('a 204 without surplus keeps its connection', async () => {
    const { receiver, send, url } = await receiverThat(
      (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n'),
      wire,
    );
    for (let n = 0; n < 3; n += 1) expect(await send(url)).toMatchObject({ outcome: 'delivered' });
    expect(receiver.connections).toEqual({ opened: 1, closed: 0 });
  });

  test('a status after a few interim answers delivers', async () => {
    const { send, url } = await receiverThat(
      (socket) =>
        socket.write(
          'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
        ),
      wire,
    );
    expect(await send(url)).toMatchObject({ outcome: 'delivered', httpStatus: 204 });
  });

  test.each([
    ['that switches the protocol', 'upgrade: flood\r\nconnection: upgrade\r\n', { kind: 'protocol' }],
    ['without a protocol', '', { kind: 'http_status', httpStatus: 101 }],
  ])('a 101 %s is no delivery, and its connection is closed', async (_name, headers, expected) => {
    const begin = `HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`;
    const { receiver, send, url } = await receiverThat(
      (socket) => pourInto(socket, { begin, repeat: 'x' }),
      wire,
    );
    expect(await send(url)).toMatchObject({ outcome: 'failed', ...expected });
    await expect.poll(() => isLeft(receiver)).toBe(true);
  });

  test('a slow drip of interim answers ends at their number, and of a body at the deadline', async () => {
    const drip = (begin: string, repeat: string) => (socket: Socket) => {
      socket.write(begin);
      const timer = setInterval(() => socket.write(repeat), 5);
      socket.on('close', () => clearInterval(timer));
    };
    const interim = await receiverThat(drip('', 'HTTP/1.1 102 Processing\r\n\r\n'), wire);
    expect(await interim.send(interim.url)).toMatchObject({
      kind: 'answer_too_large',
      detail: 'there were more than 8 interim answers',
    });
    const body = await receiverThat(drip('HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n', '.'), wire, 300);
    expect(await body.send(body.url)).toMatchObject({ kind: 'timeout', httpStatus: 200 });
    await expect.poll(() => isLeft(interim.receiver) && isLeft(body.receiver)).toBe(true);
  });
});

test('while receivers flood, another one gets its webhooks', async () => {
  const good = await startCountingReceiver((response) => response.writeHead(204).end());
  const { send, url } = await receiverThat((socket) => pourInto(socket, FLOODS['interim answers']), 'plain');
  const floods = Array.from({ length: 32 }, () => send(url));
  expect(await send(good.url)).toMatchObject({ outcome: 'delivered' });
  for (const outcome of await Promise.all(floods))
    expect(outcome).toMatchObject({ kind: 'answer_too_large' });
});
