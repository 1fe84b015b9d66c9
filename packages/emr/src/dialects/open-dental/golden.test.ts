import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { openDental } from './adapter.ts';

/** Serves one request, and gives back its raw head and body. */
async function capture() {
  const seen: { head: string; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
      for (let place = 0; place < request.rawHeaders.length; place += 2)
        lines.push(`${request.rawHeaders[place]}: ${request.rawHeaders[place + 1]}`);
      seen.push({ head: lines.join('\n'), body: Buffer.concat(chunks).toString() });
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end('{"PayNum":56734}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

// Hold it against https://www.opendental.com/site/apipayments.html, "Payments POST (create)".
test('the bytes of one payment', async () => {
  const { seen, host } = await capture();
  const adapter = openDental.open(
    {
      userId: 1,
      adapter: 'open-dental',
      baseUrl: `http://${host}/api/v1`,
      credentials: { developer_key: 'NFF6i0KrXrxDkZHt', customer_key: 'VzkmZEaUWOjnQX2z' },
      settings: {},
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  const outcome = await adapter.post(
    {
      paymentId: '0c3151bd1cbf4d64b04dcd9187a4c6e0',
      emrPatientId: '1337',
      amount: '129.99',
      referenceNumber: '2058',
      notes: 'Check payment through website',
      depositDate: '2026-06-15',
      method: { id: '69', name: 'Check' },
      location: { id: '3', name: 'Main Street Clinic' },
    },
    sending(),
  );
  expect(outcome).toEqual({ outcome: 'posted', emrTransactionId: '56734' });
  expect(seen).toEqual([
    {
      head: `POST /api/v1/payments HTTP/1.1
user-agent: got (https://github.com/sindresorhus/got)
accept-encoding: identity
accept: application/json
content-type: application/json
authorization: ODFHIR NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z
content-length: 221
Host: ${host}
Connection: keep-alive`,
      body: '{"PatNum":1337,"PayType":69,"PayAmt":"129.99","PayDate":"2026-06-15","CheckNum":"2058","PayNote":"[emr-payments 0c3151bd1cbf4d64b04dcd9187a4c6e0] Check payment through website","ClinicNum":"3","isPatientPreferred":"true"}',
    },
  ]);
});
