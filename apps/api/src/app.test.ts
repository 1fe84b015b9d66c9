import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ACCEPTED, HEADERS, payment, plainApps } from './app.fixture.ts';
import { publishedFile } from './publish/published.ts';

const { lines, ...apps } = plainApps();
let app: FastifyInstance;
async function open(...given: Parameters<typeof apps.open>): Promise<FastifyInstance> {
  app = await apps.open(...given);
  return app;
}
afterEach(() => app.close());

/** Listens, writes these bytes to a socket and reads until the server closes it. */
async function raw(bytes: string): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.write(bytes);
  await once(socket, 'close');
  return received;
}

describe('x-request-id', () => {
  test('is the caller’s own when it is sane, in the answer’s header and in errors', async () => {
    await open();
    for (const id of ['a', 'A.b_c-9', 'x'.repeat(128)]) {
      expect((await app.inject(payment({ 'x-request-id': id }))).headers['x-request-id']).toBe(id);
    }
    const error = await app.inject({ url: '/nowhere', headers: { 'x-request-id': 'mine' } });
    expect(error.json().request_id).toBe('mine');
  });

  test('is made when there is none, or not a sane one', async () => {
    await open();
    const seen = new Set<unknown>();
    for (const id of ['', 'a b', 'x'.repeat(129), 'ü', 'a,b', '{"a":1}']) {
      const made = (await app.inject(payment({ 'x-request-id': id }))).headers['x-request-id'];
      expect(made).toMatch(/^[0-9a-f-]{36}$/);
      seen.add(made);
    }
    expect(seen.size).toBe(6);
  });
});

describe('routes and methods', () => {
  test.each(['/v1', '/v2/payments', '/V1/payments', '/v1/payments/x/y', '/%ff', '/v1/%zz'])(
    '%s is 404',
    async (url) => {
      await open();
      const answer = await app.inject({ method: 'POST', url, headers: HEADERS });
      expect(answer.statusCode).toBe(404);
      expect(answer.json()).toEqual({
        success: false,
        message: 'There is no such route.',
        code: 'route_not_found',
        request_id: answer.headers['x-request-id'],
        safe_to_retry: false,
      });
    },
  );

  test.each([
    '//v1/payments',
    '/v1//payments',
    `/v1/payments/${'0'.repeat(32)}/`,
    '/v1/reconciliation/?date=x',
  ])('%s has a slash too many, and the hint says so', async (url) => {
    await open();
    const bodies = [{}, { payload: 'amount=1', headers: { 'content-type': 'text/plain' } }];
    for (const body of bodies) {
      const answer = await app.inject({ method: 'POST', url, ...body });
      expect([answer.statusCode, answer.json()]).toEqual([
        404,
        expect.objectContaining({
          code: 'route_not_found',
          hint: 'The path has nothing between two slashes, or after the last one.',
        }),
      ]);
    }
  });

  test.each(['/v1/payments/', '/v1/webhooks/', '/v1/payments//retry', '/v1/payments/?limit=1'])(
    '%s, with nothing in the place of an id, is 404 for every method',
    async (url) => {
      await open();
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        const answer = await app.inject({ method, url, headers: HEADERS });
        expect([answer.statusCode, answer.json()]).toEqual([
          404,
          expect.objectContaining({
            code: 'route_not_found',
            hint: 'The path has nothing between two slashes, or after the last one.',
          }),
        ]);
      }
    },
  );

  test.each([
    ['curl', '*/*'],
    ['a program', 'application/json'],
    ['no Accept', undefined],
  ])('/ gives %s links that work', async (_name, accept) => {
    await open();
    const answer = await app.inject({ url: '/', headers: accept === undefined ? {} : { accept } });
    expect([answer.statusCode, answer.headers.vary]).toEqual([200, 'accept']);
    const { success, message, data } = answer.json();
    expect([success, message]).toEqual([true, expect.any(String)]);
    expect(Object.keys(data)).toEqual(['docs', 'openapi', 'health']);
    for (const url of Object.values<string>(data)) expect((await app.inject(url)).statusCode).toBe(200);
  });

  test('/ sends a browser to the documentation', async () => {
    await open();
    const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
    const answer = await app.inject({ url: '/', headers: { accept } });
    expect([answer.statusCode, answer.headers.location]).toEqual([302, '/docs']);
    expect((await app.inject({ method: 'POST', url: '/' })).headers.allow).toBe('GET, HEAD');
  });

  test.each(['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'QUERY'])(
    '%s /v1/payments is 405 with Allow, whatever its body',
    async (method) => {
      await open();
      const answer = await app.inject({
        method: method as 'PUT',
        url: '/v1/payments',
        ...(method === 'PUT' ? { headers: HEADERS, payload: '{' } : {}),
      });
      expect(answer.statusCode).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD, POST');
      expect(answer.json()).toMatchObject({ success: false, code: 'method_not_allowed' });
    },
  );

  test('HEAD and OPTIONS are answered', async () => {
    await open();
    const options = await app.inject({ method: 'OPTIONS', url: '/v1/payments' });
    expect([options.statusCode, options.headers.allow, options.body]).toEqual([204, 'GET, HEAD, POST', '']);
    const head = await app.inject({ method: 'HEAD', url: '/v1/payments/x/retry' });
    expect([head.statusCode, head.headers.allow, head.body]).toEqual([405, 'POST', '']);
    expect((await app.inject({ method: 'HEAD', url: '/health/live' })).statusCode).toBe(200);
    expect((await app.inject({ method: 'POST', url: '/health/live' })).headers.allow).toBe('GET, HEAD');
  });
});

describe('input that never becomes a request is answered in the same shape', () => {
  const parse = (answer: string) => {
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    return { head, body: JSON.parse(body) };
  };

  test('broken HTTP', async () => {
    await open();
    const { head, body } = parse(await raw('NONSENSE\r\n\r\n'));
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(body).toMatchObject({ success: false, code: 'malformed_request', safe_to_retry: false });
    expect(head).toContain(`x-request-id: ${body.request_id}`);
  });

  test('headers that are too large', async () => {
    await open();
    const { head, body } = parse(
      await raw(`GET / HTTP/1.1\r\nhost: x\r\nbig: ${'x'.repeat(20_000)}\r\n\r\n`),
    );
    expect(head).toMatch(/^HTTP\/1\.1 431 /);
    expect(body.code).toBe('headers_too_large');
  });

  test('a body that never comes', async () => {
    await open({}, { limits: { requestMs: 200 } });
    const names = Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
    const { head, body } = parse(
      await raw(`POST /v1/payments HTTP/1.1\r\nhost: x\r\n${names.join('')}content-length: 9\r\n\r\n{`),
    );
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(body).toMatchObject({ code: 'request_timeout', safe_to_retry: true });
  });
});

test('while the process stops, a request behind the last answer of its connection is not accepted', async () => {
  const accept = vi.fn(async () => ACCEPTED);
  await open({ stopping: AbortSignal.abort(), acceptor: { accept } });
  const names = Object.entries(HEADERS).map(([name, value]) => `${name}: ${value}\r\n`);
  const body = JSON.stringify(CREATE_PAYMENT_EXAMPLE);
  const one = `POST /v1/payments HTTP/1.1\r\nhost: x\r\n${names.join('')}content-length: ${body.length}\r\n\r\n${body}`;
  const received = await raw(one + one);
  expect(received.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
  expect(accept).toHaveBeenCalledTimes(1);
});

describe('our own trouble', () => {
  test('a bug is 500 without internals, and the log does not quote its message', async () => {
    await open({ acceptor: { accept: () => Promise.reject(new TypeError('MRN-12345 exploded')) } });
    const answer = await app.inject(payment());
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toEqual({
      success: false,
      message: 'Something went wrong on our side.',
      code: 'internal_error',
      request_id: answer.headers['x-request-id'],
      safe_to_retry: false,
    });
    expect(lines.find(({ level }) => level === 'error')?.fields).toMatchObject({ code: 'internal_error' });
    // With a key the caller finds out what became of it by asking again.
    expect((await app.inject(payment({ 'idempotency-key': 'k' }))).json().safe_to_retry).toBe(true);
  });

  test('a handler that does not end is 503 within its bound', async () => {
    await open({ acceptor: { accept: () => new Promise(() => undefined) } }, { limits: { waitMs: 50 } });
    const answer = await app.inject(payment());
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('2');
    expect(answer.json()).toMatchObject({ code: 'service_unavailable', safe_to_retry: false });
  });

  test('so is a look-up of credentials', async () => {
    const never = () => new Promise<null>(() => undefined);
    await open({ lookup: { findClient: never, findUser: never } }, { limits: { waitMs: 50 } });
    expect((await app.inject(payment())).statusCode).toBe(503);
  });
});

describe('stopping', () => {
  test('a request in flight is answered, its connection closed, and the stop waits for it', async () => {
    let release: (outcome: typeof ACCEPTED) => void = () => undefined;
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    await open({
      acceptor: {
        accept: () => {
          arrived();
          return new Promise((resolve) => {
            release = resolve;
          });
        },
      },
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { method, url, headers, payload } = payment();
    const address = app.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const answer = fetch(`http://127.0.0.1:${port}${url}`, { method, headers, body: payload });
    await arrival;

    let closed = false;
    const closing = app.close().then(() => {
      closed = true;
    });
    await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow();
    expect(closed).toBe(false);
    release(ACCEPTED);
    const { status, headers: answered } = await answer;
    expect([status, answered.get('connection')]).toEqual([200, 'close']);
    await closing;
  });
});

describe('headers of answers', () => {
  test('of the API: nothing is kept, nothing is guessed', async () => {
    await open();
    expect((await app.inject(payment())).headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  test('of the docs page: nothing is loaded from elsewhere', async () => {
    await open();
    const page = await app.inject('/docs');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.body).not.toMatch(/(src|href)="https?:/);
  });

  test('of the docs page: everything that it loads is there, and it shows the published document', async () => {
    await open();
    const files = [...(await app.inject('/docs')).body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, file]) => `/${file}`,
    );
    expect(files.length).toBe(7);
    for (const url of files) {
      const file = await app.inject(url);
      expect([url, file.statusCode, file.rawPayload.length > 100]).toEqual([url, 200, true]);
      expect((await app.inject({ url, method: 'HEAD' })).headers['content-length']).toBe(
        file.headers['content-length'],
      );
    }
    expect((await app.inject('/docs/static/start.js')).body).toContain("'../../openapi.json'");
    const document = await app.inject('/openapi.json');
    expect(document.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'public, max-age=60',
    });
    expect(document.body).toBe(readFileSync(publishedFile('openapi.json'), 'utf8'));
  });

  test('the docs page is as wide as a phone', async () => {
    await open();
    for (const url of ['/docs', '/docs/']) {
      expect((await app.inject(url)).body).toContain('<meta name="viewport" content="width=device-width');
    }
  });
});
