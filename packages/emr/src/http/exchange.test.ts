import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type LookupFunction, Socket } from 'node:net';
import { networkFailureOf } from '@emr-payments/outbound';
import { type Span, setTracer } from '@emr-payments/runtime/tracing';
import { afterEach, expect, test } from 'vitest';
import { OPEN_NETWORK, openNetwork } from '../network.ts';
import { type ExchangeRequest, exchange, type NoAnswer } from './exchange.ts';
import { describeNoAnswer } from './no-answer.ts';

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A bare TCP server: collects what it receives, and calls `onData` at the first bytes of each connection. */
async function rawServer(onData: (socket: Socket) => void) {
  const far: { received: string; connections: number; closed: number; port: number; last?: Socket } = {
    received: '',
    connections: 0,
    closed: 0,
    port: 0,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    far.connections += 1;
    far.last = socket;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      far.closed += 1;
    });
    socket.on('data', (data) => {
      far.received += data;
    });
    socket.once('data', () => onData(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  far.port = (server.address() as AddressInfo).port;
  return far;
}

function post(port: number, overrides: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return {
    method: 'POST',
    url: `http://127.0.0.1:${port}/x`,
    headers: { 'content-type': 'application/json' },
    signal: new AbortController().signal,
    timeoutMs: 20_000,
    maxAnswerBytes: 64 * 1024,
    body: { text: '{"a":1}', mayStillSend: () => true },
    ...overrides,
  };
}

async function troubleOf(request: ExchangeRequest) {
  const result = await exchange(OPEN_NETWORK, request);
  if (result.kind === 'answer') throw new Error(`answered ${result.status}`);
  // The table of network codes must agree with the bytes that were seen to leave.
  if (networkFailureOf(result.error)?.proves === 'nothing_left') expect(result.handedOver).toBe(false);
  return { handedOver: result.handedOver, code: describeNoAnswer(result).code };
}

const head = (length: number) =>
  `HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

test('an answer comes back with its status, headers and body', async () => {
  const far = await rawServer((socket) => socket.end(`${head(2)}{}`));
  const result = await exchange(OPEN_NETWORK, post(far.port));
  expect(result).toMatchObject({ kind: 'answer', status: 201, body: '{}' });
  expect(far.received).toContain('content-length: 7');
  expect(far.received.endsWith('\r\n\r\n{"a":1}')).toBe(true);
});

test('a body leaves whole, its length counted in bytes', async () => {
  const text = `{"name":"${'Zoë 💶 '.repeat(20_000)}"}`;
  const bytes = Buffer.byteLength(text);
  let read = '';
  const server = createHttpServer((request, response) => {
    request.setEncoding('utf8').on('data', (piece) => {
      read += piece;
    });
    request.on('end', () => response.end(request.headers['content-length']));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const result = await exchange(OPEN_NETWORK, post(port, { body: { text, mayStillSend: () => true } }));
  expect(result).toMatchObject({ kind: 'answer', status: 200, body: String(bytes) });
  expect(read === text).toBe(true);
});

test('connections are kept for as many exchanges as were under way at once', async () => {
  const most = 100;
  let connections = 0;
  let waiting: (() => void)[] = [];
  const server = createHttpServer((request, response) => {
    request.resume();
    waiting.push(() => response.end('{}'));
    if (waiting.length < most) return;
    for (const answer of waiting) answer();
    waiting = [];
  }).listen(0, '127.0.0.1');
  server.on('connection', () => {
    connections += 1;
  });
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  for (const _ of [1, 2, 3]) {
    const all = await Promise.all(Array.from({ length: most }, () => exchange(OPEN_NETWORK, post(port))));
    expect(all.every(({ kind }) => kind === 'answer')).toBe(true);
  }
  expect(connections).toBe(most);
});

test.each<[string, string, (socket: Socket) => void]>([
  ['cut before the answer', 'connection_reset', (socket) => socket.resetAndDestroy()],
  ['closed without an answer', 'connection_reset', (socket) => socket.end()],
  [
    'cut within the headers',
    'connection_reset',
    (socket) => socket.write('HTTP/1.1 201 Cre', () => socket.resetAndDestroy()),
  ],
  [
    'cut within the body',
    'connection_reset',
    (socket) => socket.write(`${head(500)}{"id":`, () => socket.resetAndDestroy()),
  ],
  ['ended within the body', 'connection_reset', (socket) => socket.end(`${head(500)}{"id":"1"}`)],
  ['not HTTP', 'bad_answer', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n')],
  ['without end', 'answer_too_large', (socket) => socket.write(`${head(10_000_000)}${'x'.repeat(200_000)}`)],
  [
    'two different lengths',
    'bad_answer',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}'),
  ],
])('an answer that is %s is none, and the request has left', async (_name, code, onData) => {
  const far = await rawServer(onData);
  expect(await troubleOf(post(far.port))).toEqual({ handedOver: true, code });
  expect(far.received).toContain('{"a":1}');
});

test('an answer that comes byte by byte ends with the time limit of the whole exchange', async () => {
  const far = await rawServer((socket) => {
    socket.write(head(500));
    const drip = setInterval(() => socket.write(' '), 20);
    socket.on('close', () => clearInterval(drip));
  });
  const started = performance.now();
  expect(await troubleOf(post(far.port, { timeoutMs: 300 }))).toEqual({ handedOver: true, code: 'timeout' });
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('a redirect is an answer and not followed', async () => {
  const other = await rawServer((socket) => socket.end(`${head(2)}{}`));
  const far = await rawServer((socket) =>
    socket.end(
      `HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:${other.port}/\r\ncontent-length: 0\r\n\r\n`,
    ),
  );
  expect(await exchange(OPEN_NETWORK, post(far.port))).toMatchObject({ kind: 'answer', status: 307 });
  expect(other.connections).toBe(0);
});

test('a refused port: nothing has left', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  expect(await troubleOf(post(port))).toEqual({ handedOver: false, code: 'connection_refused' });
});

test('TLS to a port that speaks plain HTTP: nothing has left', async () => {
  const plain = createHttpServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  closers.push(() => plain.close());
  const { port } = plain.address() as AddressInfo;
  const result = await troubleOf(post(port, { url: `https://127.0.0.1:${port}/x` }));
  expect(result).toEqual({ handedOver: false, code: 'tls' });
});

test('a host that does not exist: nothing has left', async () => {
  expect(await troubleOf(post(0, { url: 'http://emr.invalid/x' }))).toEqual({
    handedOver: false,
    code: 'dns',
  });
});

test('a TLS handshake that hangs: the time limit ends it, and nothing has left', async () => {
  const far = await rawServer(() => undefined);
  const result = await troubleOf(post(far.port, { url: `https://127.0.0.1:${far.port}/x`, timeoutMs: 300 }));
  expect(result).toEqual({ handedOver: false, code: 'timeout' });
  expect(far.received).not.toContain('POST /x');
});

test('a shut gate: connected, but not one byte arrives', async () => {
  const far = await rawServer(() => undefined);
  const result = await troubleOf(post(far.port, { body: { text: '{"a":1}', mayStillSend: () => false } }));
  expect(result).toEqual({ handedOver: false, code: 'claim_lost' });
  await expect.poll(() => [far.connections, far.closed]).toEqual([1, 1]);
  expect(far.received).toBe('');
});

test('a shut gate on a connection that is already in use: not one further byte arrives', async () => {
  const far = await rawServer((socket) => socket.write(`${head(2)}{}`));
  const network = openNetwork();
  closers.push(() => network.kept.http.destroy());
  expect((await exchange(network, post(far.port))).kind).toBe('answer');
  const before = far.received;
  const result = await exchange(
    network,
    post(far.port, { body: { text: '{"b":2}', mayStillSend: () => false } }),
  );
  expect(result).toMatchObject({ kind: 'no_answer', handedOver: false });
  await expect.poll(() => far.closed).toBe(1);
  expect(far.connections).toBe(1);
  expect(far.received).toBe(before);
});

test.each(['new', 'reused'])(
  'a gate that is not known yet is waited for, and asked again (%s connection)',
  async (kind) => {
    const far = await rawServer((socket) => {
      socket.on('data', () => socket.write(`${head(2)}{}`));
      socket.write(`${head(2)}{}`);
    });
    const network = openNetwork();
    closers.push(() => network.kept.http.destroy());
    if (kind === 'reused') await exchange(network, post(far.port));
    const before = far.received;
    const known = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    let open: boolean | null = null;
    const mayStillSend = () => {
      asked.resolve();
      return open ?? known.promise;
    };
    const call = exchange(network, post(far.port, { body: { text: '{"d":4}', mayStillSend } }));
    await asked.promise;
    // What another client sends now arrives: so would have what the gate did not hold back.
    expect(
      (await exchange(OPEN_NETWORK, post(far.port, { body: { text: '{"e":5}', mayStillSend: () => true } })))
        .kind,
    ).toBe('answer');
    expect(far.received.slice(before.length)).toContain('{"e":5}');
    expect(far.received).not.toContain('{"d":4}');
    open = true;
    known.resolve();
    expect((await call).kind).toBe('answer');
    expect(far.received).toContain('{"d":4}');
  },
);

test.each([
  ['is shut then', (known: PromiseWithResolvers<void>) => known.resolve()],
  ['is never known', (known: PromiseWithResolvers<void>) => known.reject(new Error('no answer'))],
])('a gate that is not known yet and %s: not one byte arrives', async (_what, end) => {
  const far = await rawServer(() => undefined);
  const known = Promise.withResolvers<void>();
  let asked = 0;
  const mayStillSend = () => {
    asked += 1;
    return asked === 1 ? known.promise : false;
  };
  const call = troubleOf(post(far.port, { body: { text: '{"f":6}', mayStillSend } }));
  await expect.poll(() => asked).toBe(1);
  end(known);
  expect(await call).toEqual({ handedOver: false, code: 'claim_lost' });
  await expect.poll(() => [far.connections, far.closed]).toEqual([1, 1]);
  expect(far.received).toBe('');
});

test('a gate that is not known in the time of the exchange is no lateness of the EMR', async () => {
  const far = await rawServer(() => undefined);
  const mayStillSend = () => new Promise(() => undefined);
  const body = { text: '{"h":8}', mayStillSend };
  expect(await troubleOf(post(far.port, { body, timeoutMs: 300 }))).toEqual({
    handedOver: false,
    code: 'our_fault',
  });
  await expect.poll(() => [far.connections, far.closed]).toEqual([1, 1]);
  expect(far.received).toBe('');
});

test.each([
  ['new', 'HTTP/1.1 201 Cre', 'ated\r\ncontent-length: 10\r\n\r\n{"id":"1"}'],
  ['reused', `${head(10)}{"id":`, '"1"}'],
])(
  'an answer that begins while the gate is not known yet is not one to the request, which does not leave (%s connection)',
  async (kind, beginning, rest) => {
    const far = await rawServer((socket) => socket.write(`${head(2)}{}`));
    const network = openNetwork();
    closers.push(() => network.kept.http.destroy());
    if (kind === 'reused') await exchange(network, post(far.port));
    const before = far.received;
    const known = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const seen = Promise.withResolvers<void>();
    let open: boolean | null = null;
    const mayStillSend = () => {
      asked.resolve();
      return open ?? known.promise;
    };
    const call = exchange(network, post(far.port, { body: { text: '{"g":7}', mayStillSend } }));
    await asked.promise;
    expect(far.connections).toBe(1);
    const taken = Object.values(network.kept.http.sockets).flat()[0];
    taken?.once('data', () => seen.resolve());
    far.last?.write(beginning);
    await seen.promise;
    open = true;
    known.resolve();
    far.last?.write(rest);
    expect(await call).toMatchObject({ kind: 'no_answer', handedOver: false });
    expect(far.received).toBe(before);
  },
);

test.each(['new', 'reused'])(
  'the gate is checked in the tick in which the bytes go to the socket (%s connection)',
  async (kind) => {
    const far = await rawServer((socket) => {
      socket.on('data', () => socket.write(`${head(2)}{}`));
      socket.write(`${head(2)}{}`);
    });
    const network = openNetwork();
    closers.push(() => network.kept.http.destroy());
    if (kind === 'reused') await exchange(network, post(far.port));

    // A promise job or a next-tick callback that runs between two events shows that they are in different ticks.
    const events: string[] = [];
    const original = Socket.prototype._write;
    const originalv = Socket.prototype._writev;
    const note = () => {
      events.push('write');
    };
    Socket.prototype._write = function (...args) {
      note();
      return original.apply(this, args);
    };
    Socket.prototype._writev = function (...args) {
      note();
      return originalv?.apply(this, args);
    };
    closers.push(() => {
      Socket.prototype._write = original;
      if (originalv !== undefined) Socket.prototype._writev = originalv;
    });
    const mayStillSend = () => {
      events.push('gate');
      process.nextTick(() => events.push('next tick'));
      queueMicrotask(() => events.push('microtask'));
      return true;
    };
    const result = await exchange(network, post(far.port, { body: { text: '{"c":3}', mayStillSend } }));
    expect(result.kind).toBe('answer');
    expect(events.slice(0, 3)).toEqual(['gate', 'write', 'next tick']);
  },
);

test('an abort before the body has left', async () => {
  expect(await troubleOf(post(1, { signal: AbortSignal.abort() }))).toEqual({
    handedOver: false,
    code: 'aborted',
  });
});

test('an abort after the body has left', async () => {
  const controller = new AbortController();
  const far = await rawServer(() => controller.abort());
  const result = await troubleOf(post(far.port, { signal: controller.signal }));
  expect(result).toEqual({ handedOver: true, code: 'aborted' });
});

test('traceparent leaves only where traces are on, and only for an EMR that the operator has named', async () => {
  const far = await rawServer((socket) => socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n'));
  const sent = async () => {
    far.received = '';
    const result = await exchange(OPEN_NETWORK, { ...post(far.port), unshared: true });
    expect(result.kind).toBe('answer');
    return far.received;
  };
  const off = await sent();
  expect(off).not.toContain('traceparent');

  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const nothing = () => undefined;
  const span: Span = {
    traceparent,
    isRunning: () => true,
    set: nothing,
    fail: nothing,
    link: nothing,
    end: nothing,
  };
  let named = false;
  setTracer({
    startRequest: nothing,
    startStored: nothing,
    start: () => span,
    run: (_span, work) => work(),
    active: () => span,
    isForEmr: (url) => named && url === `http://127.0.0.1:${far.port}/x`,
  });
  closers.push(() => setTracer(undefined));
  expect(await sent()).toBe(off);
  named = true;
  const on = await sent();
  expect(on).toContain(`traceparent: ${traceparent}\r\n`);
  expect(on.replace(/traceparent: .*\r\n/, '')).toBe(off);
});

test.each([
  ['EMFILE', 'our_fault'],
  ['ENOBUFS', 'our_fault'],
  ['ENETUNREACH', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['ESOMETHING', 'network'],
])('%s before there is a connection proves that nothing was sent: %s', async (failing, expected) => {
  const lookup: LookupFunction = (_host, _options, callback) =>
    callback(Object.assign(new Error(`getaddrinfo ${failing}`), { code: failing }), []);
  const network = openNetwork({ lookup });
  const result = await exchange(network, { ...post(1), url: 'http://emr.example.test/x' });
  expect(result).toMatchObject({ kind: 'no_answer', handedOver: false });
  expect(describeNoAnswer(result as NoAnswer).code).toBe(expected);
});

test('a connection that the system refuses at once has sent nothing', async () => {
  // No socket can have this address, so the connection fails within the call that opens it.
  const network = openNetwork({ localAddress: '192.0.2.1' });
  const result = await exchange(network, post(1));
  expect(result).toMatchObject({ kind: 'no_answer', handedOver: false, error: { code: 'EADDRNOTAVAIL' } });
});
