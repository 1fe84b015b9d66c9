import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { canvas } from './adapter.ts';

/** https://docs.canvasmedical.com/api/customer-authentication, "Client Credentials". */
const GOLDEN_TOKEN = `POST /auth/token/ HTTP/1.1
accept: application/json
content-type: application/x-www-form-urlencoded
content-length: 68

grant_type=client_credentials&client_id=client1&client_secret=s3cret`;

/** https://docs.canvasmedical.com/api/paymentnotice, "PaymentNotice create". */
const GOLDEN = `POST /PaymentNotice HTTP/1.1
accept: application/json
content-type: application/json
authorization: Bearer token-1
content-length: 224

{"resourceType":"PaymentNotice","status":"active","request":{"reference":"Patient/bc4ec998a49745b488f552bebddf7261"},"created":"2026-06-15T14:30:00.000Z","payment":{},"recipient":{},"amount":{"value":350.1,"currency":"USD"}}`;

test('the bytes of a token request and of a payment', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-06-15T14:30:00Z') });
  onTestFinished(() => void vi.useRealTimers());
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    // Headers of the connection and of the HTTP client say nothing about the dialect.
    const ofTheClient = ['host', 'connection', 'accept-encoding', 'user-agent'];
    const headers = Array.from({ length: request.rawHeaders.length / 2 }, (_, each) => [
      String(request.rawHeaders[2 * each]).toLowerCase(),
      request.rawHeaders[2 * each + 1],
    ]).filter(([name = '']) => !ofTheClient.includes(name));
    const head = headers.map(([name, value]) => `${name}: ${value}\n`).join('');
    seen.push(
      `${request.method} ${request.url} HTTP/${request.httpVersion}\n${head}\n${Buffer.concat(chunks)}`,
    );
    const json = { 'content-type': 'application/json' };
    if (request.url === '/auth/token/')
      response
        .writeHead(200, json)
        .end('{"access_token":"token-1","token_type":"Bearer","expires_in":36000}');
    else response.writeHead(201, json).end('null');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const adapter = canvas.open(
    {
      userId: 1,
      adapter: 'canvas',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { client_id: 'client1', client_secret: 's3cret' },
      settings: {},
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  const outcome = await adapter.post(
    {
      paymentId: '123e4567e89b12d3a456426614174001',
      emrPatientId: 'bc4ec998a49745b488f552bebddf7261',
      amount: '350.10',
      referenceNumber: '#123456',
      notes: 'Copay',
      depositDate: '2026-06-15',
      method: { id: '', name: 'Card' },
      location: { id: '', name: 'Main Street Clinic' },
    },
    sending(),
  );
  // The body of a 201 is `null`, and without `Location` nobody names the entry.
  expect(outcome).toEqual({ outcome: 'posted', emrTransactionId: null });
  expect(seen).toEqual([GOLDEN_TOKEN, GOLDEN]);
});
