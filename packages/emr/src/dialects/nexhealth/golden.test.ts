import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { nexhealth } from './adapter.ts';
import { posting } from './nexhealth-server.fixture.ts';

/** The request as NexHealth documents it: https://docs.nexhealth.com/reference/postpayments, and its sign in …/reference/payments. */
const GOLDEN = `POST /payments?subdomain=demo&location_id=12 HTTP/1.1
content-type: application/json
accept: application/json
nex-api-version: v3.0.0
authorization: Bearer token-1
content-length: 256

{"payment":{"patient_id":415,"amount":-350.1,"currency":"USD","transaction_id":"emr-payments-123e4567e89b12d3a456426614174001","payment_type_id":501,"paid_at":"2026-06-15T12:00:00Z","notes":"[emr-payments 123e4567e89b12d3a456426614174001] #123456\\nCopay"}}`;

/** The exchange of the key: https://docs.nexhealth.com/reference/authentication-1. */
const GOLDEN_TOKEN = `POST /authenticates HTTP/1.1
authorization: key-4711
accept: application/vnd.Nexhealth+json;version=2

`;

test('the bytes of a token request and of a payment', async () => {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    // Headers of the connection and of the HTTP client say nothing about the dialect.
    const ofTheClient = ['host', 'connection', 'accept-encoding', 'user-agent'];
    if (chunks.length === 0) ofTheClient.push('content-length');
    const headers = Array.from({ length: request.rawHeaders.length / 2 }, (_, each) => [
      String(request.rawHeaders[2 * each]).toLowerCase(),
      request.rawHeaders[2 * each + 1],
    ]).filter(([name = '']) => !ofTheClient.includes(name));
    const head = headers.map(([name, value]) => `${name}: ${value}\n`).join('');
    seen.push(
      `${request.method} ${request.url} HTTP/${request.httpVersion}\n${head}\n${Buffer.concat(chunks)}`,
    );
    if (request.url === '/authenticates') response.writeHead(201).end('{"data":{"token":"token-1"}}');
    else response.writeHead(202).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.closeAllConnections());
  onTestFinished(() => void server.close());
  const adapter = nexhealth.open(
    {
      userId: 1,
      adapter: 'nexhealth',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { api_key: 'key-4711' },
      settings: { subdomain: 'demo' },
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  expect((await adapter.post(posting, sending())).outcome).toBe('accepted');
  expect(seen).toEqual([GOLDEN_TOKEN, GOLDEN]);
});
