import { once } from 'node:events';
import { createServer } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAgents } from './agents.ts';
import { NoResourcesError } from './failure.ts';
import { startCountingReceiver } from './receiver.fixture.ts';
import { DEADLINE_MS, type SendInput, type SendOutcome, sendWebhook } from './send.ts';
import { newWebhookSecret } from './signing-secrets.ts';

const secret = newWebhookSecret();
const body = '{"id":"evt_1","note":"Müller  –  350 €"}';
const policy = { allowHosts: ['127.0.0.1'] };

function sender(options: { deadlineMs?: number; maxFreeSockets?: number } = {}) {
  const { deadlineMs, ...rest } = options;
  const agents = createAgents({ policy, ...rest });
  onTestFinished(() => agents.close());
  const deps = { policy, agents, ...(deadlineMs === undefined ? {} : { deadlineMs }) };
  return (url: string, change: Partial<SendInput> = {}): Promise<SendOutcome> =>
    sendWebhook(deps, { url, id: 'evt_1', body, secrets: [secret], now: new Date(), ...change });
}

describe('a delivery', () => {
  test('carries the exact bytes, signed, as JSON, with our user agent', async () => {
    const receiver = await startCountingReceiver((response) => response.writeHead(204).end());
    expect(await sender()(receiver.url)).toMatchObject({
      outcome: 'delivered',
      httpStatus: 204,
      excerpt: '',
    });
    const [request] = receiver.received;
    expect(request).toMatchObject({ method: 'POST', path: '/in' });
    expect(request?.body.toString()).toBe(body);
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': expect.stringMatching(/^emr-payments\//),
      'webhook-id': 'evt_1',
    });
    expect(request?.headers).not.toHaveProperty('accept-encoding');
    const headers = request?.headers as Record<string, string>;
    expect(new Webhook(secret).verify(request?.body ?? '', headers)).toEqual(JSON.parse(body));
  });

  test.each([200, 201, 202, 204, 299])('%i delivers', async (status) => {
    const receiver = await startCountingReceiver((response) => response.writeHead(status).end());
    expect(await sender()(receiver.url)).toMatchObject({ outcome: 'delivered', httpStatus: status });
  });

  test('reuses its connection', async () => {
    const receiver = await startCountingReceiver((response) => response.end('ok'));
    const send = sender();
    for (let i = 0; i < 5; i++) expect(await send(receiver.url)).toMatchObject({ outcome: 'delivered' });
    expect(receiver.connections.opened).toBe(1);
  });

  test('the connections kept idle are bounded over all receivers', async () => {
    const receivers = await Promise.all(
      [1, 2, 3].map(() => startCountingReceiver((response) => response.end('ok'))),
    );
    const send = sender({ maxFreeSockets: 1 });
    for (const { url } of receivers) await send(url);
    await Promise.all(receivers.slice(0, 2).map((receiver) => receiver.allClosed()));
    expect(receivers.map(({ connections }) => connections.open)).toEqual([0, 0, 1]);
  });

  test('keeps the first KiB of the answer as text that a database takes', async () => {
    const answer = Buffer.concat([
      Buffer.from('a\0b\u001b[31m\tc\r\n'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('ü'.repeat(2000)),
    ]);
    const receiver = await startCountingReceiver((response) => response.end(answer));
    const { excerpt } = await sender()(receiver.url);
    expect(excerpt.startsWith('a\ufffdb\ufffd[31m\tc\n\ufffd\ufffdü')).toBe(true);
    expect(excerpt.endsWith('ü')).toBe(true);
    expect(excerpt.length).toBeLessThanOrEqual(1024);
    expect(excerpt.length).toBeGreaterThan(500);
  });
});

describe('an answer that is not 2xx', () => {
  test.each([400, 401, 404, 429, 500, 502, 503])('%i fails', async (status) => {
    const receiver = await startCountingReceiver((response) => response.writeHead(status).end('why'));
    expect(await sender()(receiver.url)).toEqual({
      outcome: 'failed',
      kind: 'http_status',
      detail: `HTTP ${status}`,
      httpStatus: status,
      durationMs: expect.any(Number),
      excerpt: 'why',
    });
    expect(receiver.received).toHaveLength(1);
  });

  test('410 is gone', async () => {
    const receiver = await startCountingReceiver((response) => response.writeHead(410).end('moved away'));
    const outcome = await sender()(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'gone', httpStatus: 410, excerpt: 'moved away' });
  });

  test.each([301, 302, 303, 307, 308])('a redirect (%i) is not followed', async (status) => {
    const target = await startCountingReceiver((response) => response.end());
    const receiver = await startCountingReceiver((response) =>
      response.writeHead(status, { location: target.url }).end(),
    );
    const outcome = await sender()(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'http_status', httpStatus: status });
    expect(target.connections.opened).toBe(0);
  });

  test('Retry-After in seconds', async () => {
    const receiver = await startCountingReceiver((response) =>
      response.writeHead(429, { 'retry-after': '120' }).end(),
    );
    expect(await sender()(receiver.url)).toMatchObject({ kind: 'http_status', retryAfterMs: 120_000 });
  });

  test('Retry-After as a date', async () => {
    const now = new Date('2026-06-15T10:20:00Z');
    const at = new Date('2026-06-15T10:35:00Z').toUTCString();
    const receiver = await startCountingReceiver((response) =>
      // The receiver's clock is ten minutes ahead of ours.
      response
        .writeHead(503, { 'retry-after': at, date: new Date('2026-06-15T10:30:00Z').toUTCString() })
        .end(),
    );
    const outcome = await sender()(receiver.url, { now });
    expect(outcome).toMatchObject({ outcome: 'failed', retryAfterMs: 300_000 });
  });
});

describe('the bounds', () => {
  test('a receiver that hangs is given up at the deadline, and its connection is closed', async () => {
    const receiver = await startCountingReceiver(() => undefined);
    const outcome = await sender({ deadlineMs: 150 })(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'timeout', excerpt: '' });
    expect(outcome.durationMs).toBeGreaterThanOrEqual(145);
    expect(outcome.durationMs).toBeLessThan(DEADLINE_MS);
    expect(outcome).not.toHaveProperty('httpStatus');
    await receiver.allClosed();
  });

  test('a slow drip of the body cannot stretch it', async () => {
    const receiver = await startCountingReceiver((response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 10);
      response.on('close', () => clearInterval(drip));
    });
    const outcome = await sender({ deadlineMs: 200 })(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'timeout', httpStatus: 200 });
    expect(outcome.excerpt).toMatch(/^\.+$/);
    expect(outcome.durationMs).toBeLessThan(DEADLINE_MS);
    await receiver.allClosed();
  });

  test('a slow drip of headers cannot stretch it', async () => {
    const drips = createServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('x-drip: 1\r\n'), 10);
      socket.on('error', () => undefined).on('close', () => clearInterval(drip));
    });
    drips.listen(0, '127.0.0.1');
    await once(drips, 'listening');
    onTestFinished(() => void drips.close());
    const { port } = drips.address() as { port: number };
    const outcome = await sender({ deadlineMs: 200 })(`http://127.0.0.1:${port}/`);
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'timeout' });
    expect(outcome.durationMs).toBeLessThan(DEADLINE_MS);
  });

  test('of a huge answer 64 KiB are read; its status decides and its connection is closed', async () => {
    let written = 0;
    const receiver = await startCountingReceiver((response) => {
      const chunk = Buffer.alloc(16 * 1024, 'x');
      const pump = (): void => {
        while (!response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', pump);
        }
      };
      response.writeHead(200);
      pump();
    });
    const outcome = await sender()(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'delivered', httpStatus: 200, excerpt: 'x'.repeat(1024) });
    await receiver.allClosed();
    // More than 64 KiB, because the buffers of both sockets fill too; without a bound this test would not end.
    expect(written).toBeLessThan(32 * 1024 * 1024);
  });

  test('a caller can cancel an attempt', async () => {
    const receiver = await startCountingReceiver(() => controller.abort());
    const controller = new AbortController();
    const outcome = await sender()(receiver.url, { signal: controller.signal });
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'canceled' });
    await receiver.allClosed();
  });

  test('closing the connections cancels the attempts under way, and those that begin later', async () => {
    const agents = createAgents({ policy });
    const receiver = await startCountingReceiver(() => agents.close());
    const input = { url: receiver.url, id: 'evt_1', body, secrets: [secret], now: new Date() };
    for (let n = 0; n < 2; n += 1) {
      const outcome = await sendWebhook({ policy, agents }, input);
      expect(outcome).toMatchObject({ outcome: 'failed', kind: 'canceled' });
    }
    expect(receiver.connections.opened).toBe(1);
  });

  test('an attempt that was canceled before it began sends nothing', async () => {
    const receiver = await startCountingReceiver((response) => response.end());
    const outcome = await sender()(receiver.url, { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'canceled' });
    expect(receiver.connections.opened).toBe(0);
  });
});

describe('each kind of failure is named', () => {
  /** Finds a port on which nobody listens, by taking a free one and closing it. */
  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    return port;
  }

  async function rawServer(
    onData: (write: (text: string) => void, reset: () => void) => void,
  ): Promise<string> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () =>
        onData(
          (text) => socket.end(text),
          () => socket.resetAndDestroy(),
        ),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return `//127.0.0.1:${(server.address() as { port: number }).port}/`;
  }

  test('nobody listens: connect', async () => {
    const outcome = await sender()(`http://127.0.0.1:${await closedPort()}/`);
    expect(outcome).toMatchObject({ outcome: 'failed', kind: 'connect', detail: 'ECONNREFUSED' });
  });

  test.each(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])(
    'is not made, and is no failure of the receiver, when this machine has no room for a socket: %s',
    async (code) => {
      const resolve = async () => {
        throw Object.assign(new Error(`getaddrinfo ${code}`), { code });
      };
      const agents = createAgents({ policy, resolve });
      onTestFinished(() => agents.close());
      const input = {
        url: 'https://hooks.example.com/',
        id: 'evt_1',
        body,
        secrets: [secret],
        now: new Date(),
      };
      await expect(sendWebhook({ policy, agents }, input)).rejects.toThrow(
        new NoResourcesError(`no connection can be opened on this machine (${code})`),
      );
    },
  );

  test('the connection is reset: reset', async () => {
    const address = await rawServer((_, reset) => reset());
    expect(await sender()(`http:${address}`)).toMatchObject({ outcome: 'failed', kind: 'reset' });
  });

  test('the connection ends without an answer: reset', async () => {
    const address = await rawServer((write) => write(''));
    expect(await sender()(`http:${address}`)).toMatchObject({ outcome: 'failed', kind: 'reset' });
  });

  test('the answer breaks off in its body: reset, although its status is 200', async () => {
    const address = await rawServer((write) => write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'));
    expect(await sender()(`http:${address}`)).toMatchObject({
      kind: 'reset',
      httpStatus: 200,
      excerpt: 'half',
    });
  });

  test('the answer is not HTTP: protocol', async () => {
    const address = await rawServer((write) => write('220 mail.example.com ESMTP\r\n'));
    expect(await sender()(`http:${address}`)).toMatchObject({ outcome: 'failed', kind: 'protocol' });
  });

  test('the receiver does not speak TLS: tls', async () => {
    const address = await rawServer((write) => write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await sender()(`https:${address}`)).toMatchObject({ outcome: 'failed', kind: 'tls' });
  });

  test('the certificate is not trusted: tls', async () => {
    const receiver = await startCountingReceiver((response) => response.end(), { tls: true });
    expect(await sender()(receiver.url)).toMatchObject({ outcome: 'failed', kind: 'tls' });
    expect(receiver.received).toHaveLength(0);
  });
});
