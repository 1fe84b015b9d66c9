import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import got from 'got';
import { afterEach, expect, test } from 'vitest';
import { openNetwork } from '../network.ts';
import { exchange } from './exchange.ts';
import { readAnswer } from './read-answer.ts';

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`;
}

const open = (url: string) => got.stream(url, { throwHttpErrors: false, retry: { limit: 0 } });

async function post(url: string, { signal, text = '{}' }: { signal: AbortSignal; text?: string }) {
  const network = openNetwork();
  closers.push(() => network.kept.http.destroy());
  return exchange(network, {
    method: 'POST',
    url,
    headers: {},
    signal,
    timeoutMs: 20_000,
    maxAnswerBytes: 4 * 1024 * 1024,
    body: { text, mayStillSend: () => true },
  });
}

test('an answer in many pieces is read whole and in order, whatever its status', async () => {
  const pieces = Array.from({ length: 200 }, (_, n) => `${n};`.repeat(500));
  const url = await serverThat((request, response) => {
    request.resume();
    response.writeHead(500);
    for (const piece of pieces) response.write(piece);
    response.end();
  });
  const { signal } = new AbortController();
  expect(await post(url, { signal })).toMatchObject({ status: 500, body: pieces.join('') });
});

test('an answer that is cut within its body is none', async () => {
  const url = await serverThat((request, response) => {
    request.resume();
    response.writeHead(201, { 'content-length': 10 });
    response.write('{"a":', () => response.destroy());
  });
  const { signal } = new AbortController();
  expect(await post(url, { signal })).toMatchObject({ kind: 'no_answer', handedOver: true });
});

// The signal of a job lives longer than its exchanges: what each left on it would pile up.
test.for([
  { what: 'an answer', text: '{}' },
  { what: 'an answer to a body that has not left whole', text: 'x'.repeat(32 * 1024 * 1024) },
])('$what leaves nothing on the signal', async ({ text }) => {
  const url = await serverThat((_request, response) => {
    response.writeHead(413, { connection: 'close' }).end('{}');
  });
  const { signal } = new AbortController();
  expect(await post(url, { signal, text })).toMatchObject({ kind: 'answer', status: 413 });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('a request that fails after its answer was read is no uncaught error', async () => {
  const request = open(await serverThat((_request, response) => response.end('{}')));
  const { bytes } = await readAnswer(request);
  expect(Buffer.from(bytes).toString()).toBe('{}');
  expect(() => request.emit('error', new Error('late'))).not.toThrow();
});

test('a request that is closed without an error and without an answer rejects', async () => {
  const request = open(await serverThat(() => request.destroy()));
  await expect(readAnswer(request)).rejects.toThrow('without a whole answer');
});
