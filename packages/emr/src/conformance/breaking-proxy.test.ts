import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { BreakServer } from './break-server.ts';
import { openBreakingProxy } from './breaking-proxy.ts';

const BODY = JSON.stringify({ id: '7', text: 'é' });
const carriedOut: string[] = [];
const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  carriedOut.push(`${request.method} ${request.url} ${request.headers.host} ${body}`);
  response.writeHead(201, { 'content-type': 'application/json', location: '/api/entries/7' }).end(BODY);
});
let proxy: BreakServer;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await openBreakingProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`);
});
afterEach(() => {
  proxy.mend();
  carriedOut.length = 0;
});
afterAll(async () => {
  await proxy.close();
  server.closeAllConnections();
  server.close();
});

const post = () => fetch(`${proxy.baseUrl}/entries?a=1`, { method: 'POST', body: 'hello' });

test('a mended server answers as it does without the proxy, and sees the address of the proxy', async () => {
  const before = proxy.seen.length;
  const answer = await post();
  expect([answer.status, answer.headers.get('location'), await answer.text()]).toEqual([
    201,
    '/api/entries/7',
    BODY,
  ]);
  expect(carriedOut).toEqual([`POST /api/entries?a=1 ${new URL(proxy.baseUrl).host} hello`]);
  expect(proxy.seen.slice(before)).toMatchObject([{ method: 'POST', path: '/api/entries' }]);
});

test.each<[string, (broken: BreakServer) => void, number, string | null, string]>([
  ['statusBefore', (broken) => broken.statusBefore(429, { 'retry-after': '7' }), 429, 'text/plain', '7'],
  ['htmlBefore', (broken) => broken.htmlBefore(), 200, 'text/html', ''],
  ['emptyBefore', (broken) => broken.emptyBefore(), 200, null, ''],
])('%s answers, and the request is not carried out', async (_name, arm, status, type, retryAfter) => {
  arm(proxy);
  const answer = await post();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, type]);
  expect(answer.headers.get('retry-after') ?? '').toBe(retryAfter);
  expect(answer.headers.get('location')).toBeNull();
  expect(carriedOut).toEqual([]);
});

test.each<[string, (broken: BreakServer) => void, number, string | null, string | null]>([
  ['statusAfter', (broken) => broken.statusAfter(500), 500, 'text/plain', null],
  ['htmlAfter', (broken) => broken.htmlAfter(), 200, 'text/html', null],
  ['emptyAfter', (broken) => broken.emptyAfter(), 200, null, null],
  ['wrongContentType', (broken) => broken.wrongContentType(), 201, 'text/plain', '/api/entries/7'],
])('%s answers after the request has been carried out', async (_name, arm, status, type, location) => {
  arm(proxy);
  const answer = await post();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, type]);
  expect(answer.headers.get('location')).toBe(location);
  expect(carriedOut).toHaveLength(1);
});

test.each<[string, (broken: BreakServer) => void, number]>([
  ['resetOnConnect', (broken) => broken.resetOnConnect(), 0],
  ['resetBefore', (broken) => broken.resetBefore(), 0],
  ['resetAfter', (broken) => broken.resetAfter(), 1],
])('%s gives no answer', async (_name, arm, count) => {
  arm(proxy);
  await expect(post()).rejects.toThrow();
  expect(carriedOut).toHaveLength(count);
});

test.each<[string, (broken: BreakServer) => void, number]>([
  ['hangBefore', (broken) => broken.hangBefore(), 0],
  ['hangAfter', (broken) => broken.hangAfter(), 1],
])('%s gives no answer until the server is mended', async (_name, arm, count) => {
  const before = proxy.seen.length;
  arm(proxy);
  const call = post().catch((error: unknown) => error);
  await expect.poll(() => [proxy.seen.length - before, carriedOut.length]).toEqual([1, count]);
  expect(await Promise.race([call, Promise.resolve('hangs')])).toBe('hangs');
  proxy.mend();
  expect(await call).toBeInstanceOf(Error);
});

test('half an answer announces all of it and ends after half', async () => {
  proxy.halfAnswer();
  const answer = await post();
  expect([answer.status, answer.headers.get('content-length')]).toEqual([
    201,
    String(Math.max(Buffer.byteLength(BODY), 64)),
  ]);
  await expect(answer.text()).rejects.toThrow();
  expect(carriedOut).toHaveLength(1);
});

test('at the unreachable addresses nothing arrives', async () => {
  const before = proxy.seen.length;
  await expect(fetch(proxy.unreachable.noTls)).rejects.toThrow();
  await expect(fetch(proxy.unreachable.unknownHost)).rejects.toThrow();
  expect(proxy.seen.length).toBe(before);
});

test('changeAnswers changes what the server answers, and its length', async () => {
  proxy.changeAnswers(({ status, headers, body }) => ({
    status,
    headers: { ...headers, age: '60' },
    body: `${body} and é`,
  }));
  const answer = await post();
  expect([answer.status, answer.headers.get('age'), await answer.text()]).toEqual([
    201,
    '60',
    `${BODY} and é`,
  ]);
  expect(carriedOut).toHaveLength(1);
});
