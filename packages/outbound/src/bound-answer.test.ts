import { constants } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as TlsAgent } from 'node:https';
import { connect, type Socket } from 'node:net';
import { FLOODS, type Flood, pourInto, type RawServer, startRawServer } from '@emr-payments/testkit/flood';
import { TEST_CERTIFICATE } from '@emr-payments/testkit/tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { boundAnswer, meterConnections } from './bound-answer.ts';
import { networkFailureOf } from './network-codes.ts';

const KIB = 1024;
const BOUND = 64 * KIB;
/** The most that Node reads at once. */
const ONE_READ = 64 * KIB;

async function serve(
  onData: (socket: Socket, nth: number) => void,
  options: { tls?: boolean } = {},
): Promise<RawServer> {
  const server = await startRawServer(onData, options);
  onTestFinished(() => server.close());
  return server;
}

function agentFor(url: string): Agent {
  const agent = url.startsWith('https')
    ? new TlsAgent({
        keepAlive: true,
        ca: TEST_CERTIFICATE,
        servername: 'hooks.example.test',
        secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      })
    : new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  return meterConnections(agent);
}

type Asked = {
  status: number | undefined;
  body: string;
  error: unknown;
  interim: number;
  pieces: number;
  /** Pieces that the parser found, those after the end of the connection included. */
  parsed: number;
  socket: Socket;
};

/** Sends one request and reads its answer to its end, or to the end of the connection. */
function ask(url: string, agent: Agent, maxBytes = BOUND): Promise<Asked> {
  return new Promise((resolve) => {
    const send = url.startsWith('https') ? requestHttps : requestHttp;
    const request: ClientRequest = send(url, { method: 'POST', agent });
    const asked = {
      status: undefined,
      body: '',
      error: undefined,
      interim: 0,
      pieces: 0,
      parsed: 0,
    } as unknown as Asked;
    boundAnswer(request, {
      maxBytes,
      onHead: (head) => {
        asked.status = head.statusCode;
      },
      onBody: () => {
        asked.pieces += 1;
      },
    });
    request.on('socket', (socket) => {
      asked.socket = socket;
    });
    request.on('information', () => {
      asked.interim += 1;
    });
    request.on('response', (response: IncomingMessage) => {
      response.on('error', () => undefined);
      const push = response.push.bind(response);
      response.push = (piece, encoding) => {
        asked.parsed += 1;
        return push(piece, encoding);
      };
      response.on('data', (data) => {
        asked.body += data;
      });
    });
    request.on('error', (error) => {
      asked.error ??= error;
    });
    request.on('close', () => resolve(asked));
    request.end('{}');
  });
}

describe.each(['plain', 'tls'])('over %s', (wire) => {
  const tls = wire === 'tls';

  test.each(Object.entries<Flood>(FLOODS))('a flood of %s is read to the bound', async (_name, flood) => {
    const server = await serve((socket) => pourInto(socket, flood), { tls });
    const asked = await ask(server.url, agentFor(server.url));
    expect(networkFailureOf(asked.error)?.failure).toBe('too_large');
    expect(asked.status).toBe(flood.headCame ? 200 : undefined);
    expect(asked.socket.destroyed).toBe(true);
    expect(asked.socket.bytesRead).toBeLessThanOrEqual(BOUND + ONE_READ);
    // Each of these is a call; 64 KiB hold 2,500 interim answers and 11,000 chunks of one byte.
    expect(asked.interim).toBeLessThan(60);
    expect(asked.pieces).toBeLessThan(700);
    expect(asked.parsed).toBeLessThan(700);
    await expect.poll(() => server.connections.closed).toBe(1);
  });

  test.each([
    [
      'interim answers',
      `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(8)}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`,
    ],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nt: 1\r\n\r\n',
    ],
    ['nothing but a body', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'],
  ])('an answer with %s comes whole, and its connection is used again', async (_name, answer) => {
    const server = await serve((socket) => socket.write(answer), { tls });
    const agent = agentFor(server.url);
    for (let n = 0; n < 3; n += 1)
      expect(await ask(server.url, agent)).toMatchObject({ status: 200, body: 'ok', error: undefined });
    expect(server.connections).toEqual({ opened: 1, closed: 0 });
  });

  test('the bound is for each exchange, not for the connection', async () => {
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: 40000\r\n\r\n${'x'.repeat(40_000)}`;
    const server = await serve((socket) => socket.write(answer), { tls });
    const agent = agentFor(server.url);
    for (let n = 0; n < 5; n += 1) expect((await ask(server.url, agent)).body).toHaveLength(40_000);
    expect(server.connections.opened).toBe(1);
  });

  test('every byte counts: an answer of exactly the bound comes whole, and one byte more does not', async () => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n';
    const server = await serve((socket) => socket.write(head + 'x'.repeat(10_000)), { tls });
    const agent = agentFor(server.url);
    const length = head.length + 10_000;
    expect(await ask(server.url, agent, length)).toMatchObject({ error: undefined });
    const { error } = await ask(server.url, agent, length - 1);
    expect(networkFailureOf(error)?.failure).toBe('too_large');
  });

  test.each([
    ['text', 'surplus'],
    ['another answer', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
  ])('on an idle connection %s closes it, and is the answer to nothing', async (_name, surplus) => {
    const sockets: Socket[] = [];
    const server = await serve(
      (socket) => {
        sockets.push(socket);
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood');
      },
      { tls },
    );
    const agent = agentFor(server.url);
    expect((await ask(server.url, agent)).body).toBe('good');
    sockets[0]?.write(surplus);
    await expect.poll(() => server.connections.closed).toBe(1);
    expect((await ask(server.url, agent)).body).toBe('good');
    expect(server.connections.opened).toBe(2);
  });

  test('a flood on an idle connection is not read', async () => {
    const sockets: Socket[] = [];
    const server = await serve(
      (socket) => {
        sockets.push(socket);
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood');
      },
      { tls },
    );
    const { socket } = await ask(server.url, agentFor(server.url));
    const before = socket.bytesRead;
    if (sockets[0] !== undefined) pourInto(sockets[0], { begin: '', repeat: 'x' });
    await expect.poll(() => socket.destroyed).toBe(true);
    expect(socket.bytesRead - before).toBeLessThanOrEqual(ONE_READ);
  });

  test.each([
    ['text', 'surplus'],
    ['another answer', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil'],
  ])('in one packet with an answer, %s closes the connection and changes nothing', async (_name, surplus) => {
    const server = await serve(
      (socket) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood${surplus}`),
      { tls },
    );
    const agent = agentFor(server.url);
    for (let n = 1; n <= 3; n += 1) {
      const asked = await ask(server.url, agent);
      expect(asked.pieces).toBe(1);
      expect(asked.status).toBe(200);
      await expect.poll(() => server.connections).toEqual({ opened: n, closed: n });
    }
  });
});

test('hello requests within a TLS handshake, which OpenSSL skips without end, end the connection', async () => {
  const server = await serve((socket) => {
    if (server.received === 1) {
      // A handshake record of 16 KiB that holds nothing but hello requests (RFC 5246, 7.4.1.1).
      const record = Buffer.alloc(5 + 16 * KIB);
      record.set([22, 3, 3, 0x40, 0]);
      pourInto(socket, { begin: '', repeat: record.toString('latin1') });
    }
  });
  const asked = await ask(`https://127.0.0.1:${server.port}/`, agentFor('https:'));
  expect(networkFailureOf(asked.error)?.failure).toBe('too_large');
  expect(asked.socket.destroyed).toBe(true);
  await expect.poll(() => server.connections.closed).toBe(1);
});

test('a connection that no agent of ours made is metered from its first exchange', async () => {
  const server = await serve((socket) => pourInto(socket, FLOODS['interim answers']));
  const agent = new Agent({ createConnection: () => connect(server.port, '127.0.0.1') } as object);
  onTestFinished(() => agent.destroy());
  expect(networkFailureOf((await ask(server.url, agent)).error)?.failure).toBe('too_large');
});
