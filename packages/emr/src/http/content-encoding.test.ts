import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { OPEN_NETWORK } from '../network.ts';
import { exchange } from './exchange.ts';
import { describeNoAnswer } from './no-answer.ts';

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const LIMIT = 64 * 1024;
const TEXT = '{"resourceType":"Bundle","note":"Zoë 😀"}';

/** Reads an answer with this body, whatever our request accepts. */
async function answered(encoding: string, body: Uint8Array, method: 'GET' | 'POST' = 'GET') {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/fhir+json', 'content-encoding': encoding });
    response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return exchange(OPEN_NETWORK, {
    method,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x`,
    headers: {},
    signal: AbortSignal.timeout(60_000),
    timeoutMs: 20_000,
    maxAnswerBytes: LIMIT,
    ...(method === 'POST' ? { body: { text: '{}', mayStillSend: () => true } } : {}),
  });
}

async function troubleOf(encoding: string, body: Uint8Array) {
  const result = await answered(encoding, body, 'POST');
  if (result.kind === 'answer') throw new Error(`answered: ${result.body.slice(0, 80)}`);
  return { handedOver: result.handedOver, code: describeNoAnswer(result).code };
}

test.each([
  ['gzip', gzipSync(TEXT)],
  ['X-GZIP', gzipSync(TEXT)],
  ['deflate', deflateSync(TEXT)],
  ['deflate', deflateRawSync(TEXT)],
  ['br', brotliCompressSync(TEXT)],
  ['zstd', zstdCompressSync(TEXT)],
  ['identity', Buffer.from(TEXT)],
  ['gzip, identity, br', brotliCompressSync(gzipSync(TEXT))],
  ['identity', Buffer.from(`\ufeff${TEXT}`)],
])('an answer in %s is decoded', async (encoding, body) => {
  expect(await answered(encoding, body)).toMatchObject({ kind: 'answer', status: 200, body: TEXT });
});

test('an encoding without a body is an empty answer', async () => {
  expect(await answered('gzip', new Uint8Array())).toMatchObject({ kind: 'answer', body: '' });
});

test.each([
  ['gzip', gzipSync(TEXT).subarray(0, 30)],
  ['gzip', Buffer.from(TEXT)],
  ['br', Buffer.from(TEXT)],
  ['deflate', Buffer.from(TEXT)],
  ['zstd', zstdCompressSync(TEXT).subarray(0, 20)],
  ['compress', Buffer.from(TEXT)],
  ['gzip, gzip, gzip, gzip', gzipSync(gzipSync(gzipSync(gzipSync(TEXT))))],
])('a broken answer in %s is no answer that can be read: the request has left', async (encoding, body) => {
  expect(await troubleOf(encoding, body)).toEqual({ handedOver: true, code: 'bad_answer' });
});

test.each([
  ['gzip', gzipSync('x'.repeat(LIMIT + 1))],
  ['br', brotliCompressSync(Buffer.alloc(50 * 1024 * 1024))],
  ['deflate', deflateSync('x'.repeat(LIMIT + 1))],
  ['zstd', zstdCompressSync(Buffer.alloc(50 * 1024 * 1024))],
  // The outer layer alone is within the limit.
  ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(20 * 1024 * 1024)))],
])('a small answer in %s that becomes too large is refused', async (encoding, body) => {
  expect(body.length).toBeLessThan(LIMIT);
  expect(await troubleOf(encoding, body)).toEqual({ handedOver: true, code: 'answer_too_large' });
});
