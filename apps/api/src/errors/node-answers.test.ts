import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import { sendBytes } from '@emr-payments/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../app.ts';
import { noInfrastructure } from '../publish/text.ts';

const ACCEPTED = {
  outcome: 'accepted',
  paymentId: '123e4567e89b12d3a456426614174001',
  jobId: 12345,
  replayed: false,
} as const;
const CREDENTIALS = 'client_id: ci\r\nclient_secret: cs\r\naccess_token: at\r\n';
const BODY = JSON.stringify(CREATE_PAYMENT_EXAMPLE);
const PAYMENT =
  `POST /v1/payments HTTP/1.1\r\nhost: x\r\n${CREDENTIALS}content-type: application/json\r\n` +
  `content-length: ${BODY.length}\r\n`;

let app: FastifyInstance;
let port = 0;
let addresses: AddressInfo[] = [];
/** The log lines, oldest first. */
const lines: { level: string; code?: string; status?: number }[] = [];
const keep = (level: string) => (fields: object) => void lines.push({ level, ...fields });
/** Payments wait for it. */
let accepting: Promise<void> = Promise.resolve();
let arrive: () => void = () => undefined;

beforeAll(async () => {
  app = await buildApp(
    {
      ...noInfrastructure(),
      logger: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
      lookup: {
        findClient: async () => ({ clientPk: 1, secretHashes: [hashSecret('cs')] }),
        findUser: async () => ({ userId: 1, publicId: 'user_1' }),
      },
      acceptor: {
        accept: async () => {
          arrive();
          await accepting;
          return ACCEPTED;
        },
      },
    },
    { limits: { requestMs: 1000 } },
  );
  // Every address of the name: Fastify makes a server for each, and gives its listeners to the first.
  await app.listen({ host: 'localhost', port: 0 });
  addresses = app.addresses() as AddressInfo[];
  port = addresses.find(({ family }) => family === 'IPv4')?.port ?? 0;
});
afterAll(() => app.close());

/** Reads the answers on a connection, one after the other. */
function answersIn(received: string) {
  const answers: { status: number; head: string; body: string }[] = [];
  for (let rest = received; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    const head = rest.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    answers.push({ status: Number(head.split(' ')[1]), head, body: rest.slice(end, end + length) });
    rest = rest.slice(end + length);
  }
  return answers;
}

const ask = async (bytes: string | Buffer) => answersIn(await sendBytes({ port }, bytes));

const GET = (lines: string, line = 'GET /health/live HTTP/1.1') =>
  `${line}\r\n${lines}connection: close\r\n\r\n`;
const HOST = 'host: x\r\n';
const POST_IN = (framing: string, rest: string) =>
  `POST /v1/payments HTTP/1.1\r\n${HOST}${CREDENTIALS}content-type: application/json\r\n${framing}connection: close\r\n\r\n${rest}`;
const CHUNKED = 'transfer-encoding: chunked\r\n';
const CHUNKS = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;

test.each<[string, string | Buffer, number, string]>([
  ['no Host', GET(''), 400, 'malformed_request'],
  ['no Host at an unknown path', GET('', 'GET /nowhere HTTP/1.1'), 400, 'malformed_request'],
  ['no Host with another method', GET('', 'PUT /v1/payments HTTP/1.1'), 400, 'malformed_request'],
  ['two Hosts', GET(`${HOST}HOST: y\r\n`), 400, 'malformed_request'],
  ['two Hosts alike', GET(`${HOST}${HOST}`, 'GET /nowhere HTTP/1.1'), 400, 'malformed_request'],
  ['an expectation', GET(`${HOST}expect: a pony\r\n`), 417, 'expectation_failed'],
  ['an empty expectation', GET(`${HOST}expect:\r\n`), 417, 'expectation_failed'],
  [
    'an expectation at an unknown path',
    GET(`${HOST}expect: x\r\n`, 'GET /x HTTP/1.1'),
    417,
    'expectation_failed',
  ],
  ['CONNECT', GET(HOST, 'CONNECT x:443 HTTP/1.1'), 405, 'method_not_allowed'],
  ['CONNECT without Host', GET('', 'CONNECT x:443 HTTP/1.1'), 405, 'method_not_allowed'],
  ['a method that no one knows', GET(HOST, 'FOO / HTTP/1.1'), 400, 'malformed_request'],
  ['a method in small letters', GET(HOST, 'get /health/live HTTP/1.1'), 400, 'malformed_request'],
  ['a method that no path has', GET(HOST, 'PROPFIND /health/live HTTP/1.1'), 405, 'method_not_allowed'],
  ['QUERY without a type', GET(HOST, 'QUERY /nowhere HTTP/1.1'), 404, 'route_not_found'],
  ['a target without a path', GET(HOST, 'GET health HTTP/1.1'), 400, 'malformed_request'],
  ['an absolute target of nothing', GET(HOST, 'GET http://x/nowhere HTTP/1.1'), 404, 'route_not_found'],
  ['a target that is no URL', GET(HOST, 'GET /%zz HTTP/1.1'), 404, 'route_not_found'],
  ['a target that is too long', GET(HOST, `GET /${'x'.repeat(20_000)} HTTP/1.1`), 431, 'headers_too_large'],
  ['headers that are too large', GET(`${HOST}x: ${'x'.repeat(20_000)}\r\n`), 431, 'headers_too_large'],
  ['another protocol version', GET(HOST, 'GET / HTTP/3.0'), 400, 'malformed_request'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed_request'],
  ['TLS', Buffer.from('16030100a5010000a10303', 'hex'), 400, 'malformed_request'],
  ['nonsense', 'NONSENSE\r\n\r\n', 400, 'malformed_request'],
  ['a header without a colon', GET(`${HOST}what\r\n`), 400, 'malformed_request'],
  ['a header with a blank before its colon', GET(`${HOST}what : x\r\n`), 400, 'malformed_request'],
  ['a header of control characters', GET(`${HOST}what: \u0001\r\n`), 400, 'malformed_request'],
  ['two lengths', POST_IN('content-length: 2\r\ncontent-length: 3\r\n', '{}'), 400, 'malformed_request'],
  ['a length that is none', POST_IN('content-length: x\r\n', '{}'), 400, 'malformed_request'],
  ['a length and chunks', POST_IN(`content-length: 2\r\n${CHUNKED}`, '0\r\n\r\n'), 400, 'malformed_request'],
  [
    'a coding before chunks',
    POST_IN('transfer-encoding: gzip, chunked\r\n', CHUNKS),
    400,
    'malformed_request',
  ],
  [
    'a coding in another header',
    POST_IN(`transfer-encoding: identity\r\n${CHUNKED}`, CHUNKS),
    400,
    'malformed_request',
  ],
  [
    'a coding in HTTP/1.0',
    POST_IN(CHUNKED, CHUNKS).replace('HTTP/1.1', 'HTTP/1.0').replace(': close', ': keep-alive'),
    400,
    'malformed_request',
  ],
  ['a coding that is unknown', POST_IN('transfer-encoding: pony\r\n', '{}'), 400, 'malformed_request'],
  ['a chunk without a size', POST_IN(CHUNKED, 'x\r\n\r\n'), 400, 'malformed_request'],
  [
    'extensions without end',
    POST_IN(CHUNKED, `2;${'x'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`),
    413,
    'payload_too_large',
  ],
  ['a body that is too large', POST_IN('content-length: 99999999\r\n', ''), 413, 'payload_too_large'],
  ['a body that does not come', POST_IN('content-length: 9\r\n', '{'), 408, 'request_timeout'],
  ['headers that do not end', 'GET / HTTP/1.1\r\nhost: x\r\n', 408, 'request_timeout'],
])('%s is answered in our shape', async (_name, bytes, status, code) => {
  const [answer, ...more] = await ask(bytes);
  expect(more).toEqual([]);
  const { head = '', body = '' } = answer ?? {};
  expect([answer?.status, JSON.parse(body)]).toEqual([
    status,
    {
      success: false,
      message: expect.any(String),
      code,
      request_id: expect.stringMatching(/./),
      safe_to_retry: code === 'request_timeout',
      ...(['Host', 'expect', 'coding'].some((word) => _name.includes(word)) && code !== 'method_not_allowed'
        ? { hint: expect.any(String) }
        : {}),
    },
  ]);
  expect(head.toLowerCase()).toContain('content-type: application/json; charset=utf-8');
  expect(head.toLowerCase()).toContain(`x-request-id: ${JSON.parse(body).request_id}`);
  expect(head.toLowerCase()).toContain('connection: close');
  if (status === 405) expect(head.toLowerCase()).toContain('allow: get');
});

describe('a request that arrived while the process stood still', () => {
  const whole = `GET /health/live HTTP/1.1\r\n${HOST}\r\n`;

  /**
   * Opens a connection and writes three pieces: the second one while the process does nothing else, for longer than a request may take, the third
   * one after that.
   *
   * @returns the statuses of all answers.
   */
  async function stoodStill(first: string, second: string, third = ''): Promise<number[]> {
    const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('utf8');
    await once(socket, 'connect');
    socket.write(first);
    await pause(300);
    arrive = () => {
      arrive = () => undefined;
      socket.write(second);
      for (const until = performance.now() + 1_500; performance.now() < until; );
    };
    await ask(`${PAYMENT}connection: close\r\n\r\n${BODY}`);
    await pause(100);
    socket.write(third);
    return answersIn(await textOf(socket)).map(({ status }) => status);
  }

  test('is served, and so is the next one of its connection', async () => {
    expect(await stoodStill('', whole, GET(HOST))).toEqual([200, 200]);
    expect(await stoodStill(whole.slice(0, 12), whole.slice(12), GET(HOST))).toEqual([200, 200]);
  });

  test('and had only begun has its time from then on', async () => {
    expect(await stoodStill('', 'GET / HTTP/1.1\r\n')).toEqual([408]);
    expect(await stoodStill('GET / HT', 'TP/1.1\r\n')).toEqual([408]);
  });
});

test.each([
  ['HTTP/1.0 without Host', 'GET /health/live HTTP/1.0\r\n\r\n'],
  ['HTTP/1.0 with an expectation', 'GET /health/live HTTP/1.0\r\nexpect: x\r\n\r\n'],
  ['an empty Host', GET('host:\r\n')],
  ['an absolute target', GET(HOST, 'GET http://x/health/live HTTP/1.1')],
  [
    'an upgrade that nobody wants',
    'GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\r\n',
  ],
])('%s is served', async (_name, bytes) => {
  const [answer] = await ask(bytes);
  expect([answer?.status, answer?.body]).toEqual([200, '{"status":"ok"}']);
});

test('OPTIONS * has no body', async () => {
  const [answer] = await ask(GET(HOST, 'OPTIONS * HTTP/1.1'));
  expect([answer?.status, answer?.body]).toEqual([204, '']);
});

test('100-continue is an expectation that is met', async () => {
  const bytes = `${PAYMENT}expect: 100-continue\r\nconnection: close\r\n\r\n${BODY}`;
  expect((await ask(bytes)).map(({ status }) => status)).toEqual([100, 200]);
});

describe('bytes that cannot be read, after payments that can', () => {
  test('the answers to the payments come first, each to its own', async () => {
    let accept: () => void = () => undefined;
    accepting = new Promise((resolve) => {
      accept = resolve;
    });
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const answers = ask(`${PAYMENT}\r\n${BODY}${PAYMENT}\r\n${BODY}NONSENSE\r\n\r\n`);
    await arrived;
    accept();
    expect((await answers).map(({ status, body }) => [status, JSON.parse(body).success])).toEqual([
      [200, true],
      [200, true],
      [400, false],
    ]);
  });

  test('a wish for a tunnel waits for them as well', async () => {
    const answers = await ask(`${PAYMENT}\r\n${BODY}${GET(HOST, 'CONNECT x:443 HTTP/1.1')}`);
    expect(answers.map(({ status, body }) => [status, JSON.parse(body).success])).toEqual([
      [200, true],
      [405, false],
    ]);
  });

  test('they are refused once, in however many pieces they come', async () => {
    let accept: () => void = () => undefined;
    accepting = new Promise((resolve) => {
      accept = resolve;
    });
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('utf8');
    let pieces = 0;
    const sendNext = () => {
      pieces += 1;
      if (pieces < 20) socket.write('NONSENSE');
      else accept();
    };
    app.server.on('clientError', sendNext);
    socket.write(`${PAYMENT}\r\n${BODY}NONSENSE`);
    const answers = answersIn(await textOf(socket));
    app.server.off('clientError', sendNext);
    process.off('warning', warn);
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    expect(warnings).toEqual([]);
  });

  test('do not cut off an answer that the caller reads slowly', async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1');
    let pieces = 0;
    const inPieces = new Promise<void>((resolve) => {
      app.server.on('clientError', function sendNext() {
        pieces += 1;
        if (pieces < 20) return void socket.write('NONSENSE');
        app.server.off('clientError', sendNext);
        resolve();
      });
    });
    socket.pause();
    socket.write(`GET /openapi.json HTTP/1.1\r\n${HOST}\r\nNONSENSE`);
    await inPieces;
    const answers = answersIn(await textOf(socket));
    expect(answers.map(({ status }) => status)).toEqual([200, 400]);
    expect(JSON.parse(answers[0]?.body ?? '')).toHaveProperty('openapi');
  });

  test('in the body of the payment itself, the error is its answer', async () => {
    const answers = await ask(POST_IN(CHUNKED, '1\r\n{\r\nNONSENSE\r\n\r\n'));
    expect(answers.map(({ status }) => status)).toEqual([400]);
  });
});

describe('requests that come after one whose answer ends the connection', () => {
  const next = `${PAYMENT}\r\n${BODY}`;
  const post = (headers: string, body: string) =>
    `POST /v1/payments HTTP/1.1\r\n${HOST}${CREDENTIALS}${headers}content-length: ${body.length}\r\n\r\n${body}`;

  test.each([
    ['no JSON', post('content-type: application/json\r\n', '{'), 400],
    ['another media type', post('content-type: text/plain\r\n', '{'), 415],
    ['a body that is too large', post('content-type: application/json\r\n', ' '.repeat(70_000)), 413],
    ['no Host', 'GET /health/live HTTP/1.1\r\n\r\n', 400],
    ['an expectation', `GET /health/live HTTP/1.1\r\n${HOST}expect: x\r\n\r\n`, 417],
    ['no path, with a body', `POST /nowhere HTTP/1.1\r\n${HOST}${CHUNKED}\r\n${CHUNKS}`, 404],
  ])('are not processed: %s', async (_name, first, status) => {
    accepting = Promise.resolve();
    let accepted = 0;
    arrive = () => {
      accepted += 1;
    };
    expect((await ask(first + next)).map((answer) => answer.status)).toEqual([status]);
    expect(accepted).toBe(0);
    const answers = await ask(next + next + first + next);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, status]);
    expect(accepted).toBe(2);
  });

  test('wait for the answer before, which is read slowly', async () => {
    const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1');
    const document = `GET /openapi.json HTTP/1.1\r\n${HOST}\r\n`;
    socket.pause();
    socket.write(document + document + GET(HOST), () => setImmediate(() => socket.resume()));
    expect(answersIn(await textOf(socket)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe.each([
  ['a tunnel', GET(HOST, 'CONNECT x:443 HTTP/1.1')],
  ['nonsense', 'NONSENSE\r\n\r\n'],
])('a connection that was refused %s', (_name, bytes) => {
  const connections = () => new Promise<number>((resolve) => app.server.getConnections((_, n) => resolve(n)));

  // An error event without a listener would end the process: here, the run of the tests.
  test('may be reset by the caller', async () => {
    for (let times = 0; times < 20; times += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.write(bytes, () => socket.resetAndDestroy());
      await once(socket, 'close');
    }
    await expect.poll(connections).toBe(0);
    expect((await ask(GET(HOST))).map(({ status }) => status)).toEqual([200]);
  });

  test('is not kept open by a caller who never closes it', async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).resume();
    socket.write(bytes);
    await once(socket, 'end');
    await expect.poll(connections, { timeout: 20_000 }).toBe(0);
    socket.destroy();
  });
});

test('a caller who goes away in the middle of a body is no failure of the service', async () => {
  lines.length = 0;
  const socket = connect(port, '127.0.0.1');
  socket.write(`${PAYMENT}\r\n${BODY.slice(0, 20)}`);
  const [request] = await once(app.server, 'request');
  socket.resetAndDestroy();
  await expect.poll(() => request.closed).toBe(true);
  await ask(GET(HOST));
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a database that is lost before the body has arrived is a failure of the service', async () => {
  const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const failing = await buildApp({
    ...noInfrastructure(),
    lookup: { findClient: async () => Promise.reject(lost), findUser: async () => null },
  });
  await failing.listen({ host: '127.0.0.1', port: 0 });
  const [address] = failing.addresses() as AddressInfo[];
  const socket = connect(address?.port ?? 0, '127.0.0.1').setEncoding('utf8');
  socket.write(`${PAYMENT}connection: close\r\n\r\n`);
  const [answer] = answersIn(await textOf(socket));
  expect([answer?.status, JSON.parse(answer?.body ?? '')]).toMatchObject([503, { safe_to_retry: true }]);
  await failing.close();
});

test('every address of a name is served in the same way', async () => {
  for (const { address, port: at } of addresses) {
    for (const [bytes, status] of [
      [GET(''), 400],
      [GET(`${HOST}expect: x\r\n`), 417],
      ['NONSENSE\r\n\r\n', 400],
    ] as const) {
      const socket = connect(at, address).setEncoding('utf8');
      let received = '';
      socket.on('data', (text) => {
        received += text;
      });
      socket.write(bytes);
      await once(socket, 'close');
      const [answer] = answersIn(received);
      expect([answer?.status, JSON.parse(answer?.body ?? '').success], address).toEqual([status, false]);
    }
  }
});
