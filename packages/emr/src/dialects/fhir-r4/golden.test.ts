import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { localAdapterDeps } from '../../local-deps.ts';
import { fhirR4 } from './adapter.ts';

/** Answers every create with 201, and keeps the bytes of it. */
async function recorder() {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { host: _, ...headers } = request.headers;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    seen.push([`${request.method} ${request.url}`, ...lines.sort(), '', body].join('\n'));
    response.writeHead(201, { location: '/r4/PaymentNotice/7/_history/1' }).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/r4`, seen };
}

// https://hl7.org/fhir/R4/paymentnotice.html, https://hl7.org/fhir/R4/paymentreconciliation.html, and for the form
// https://github.com/masslight/ottehr/blob/develop/packages/zambdas/src/billing/payments.ts
test('one payment, byte for byte', async () => {
  const { baseUrl, seen } = await recorder();
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-06-15T14:30:00Z') });
  onTestFinished(() => void vi.useRealTimers());
  const adapter = fhirR4.open(
    {
      userId: 1,
      adapter: 'fhir-r4',
      baseUrl,
      credentials: { bearer_token: 'sesame' },
      settings: { recipient: 'Organization/3a1c', location_extension_url: 'https://emr.example/location' },
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  const outcome = await adapter.post(
    {
      paymentId: '123e4567e89b12d3a456426614174001',
      emrPatientId: 'pat-1001',
      amount: '350.10',
      referenceNumber: '#123456',
      notes: 'Copay at the front desk',
      depositDate: '2026-06-15',
      method: { id: 'check', name: 'check' },
      location: { id: 'loc-main', name: 'Main Street Clinic' },
    },
    { signal: AbortSignal.timeout(10_000), mayStillSend: () => true },
  );
  expect(outcome).toEqual({ outcome: 'posted', emrTransactionId: '7' });
  expect(seen).toEqual([
    `POST /r4/PaymentNotice
accept-encoding: identity
accept: application/fhir+json
authorization: Bearer sesame
connection: keep-alive
content-length: 1128
content-type: application/fhir+json
if-none-exist: identifier=urn:emr-payments:payment-id|123e4567e89b12d3a456426614174001
prefer: return=minimal
user-agent: got (https://github.com/sindresorhus/got)

{"resourceType":"PaymentNotice","contained":[{"resourceType":"PaymentReconciliation","id":"contained-reconciliation","status":"active","created":"2026-06-15T14:30:00.000Z","outcome":"complete","disposition":"Copay at the front desk","paymentDate":"2026-06-15","paymentAmount":{"value":350.1,"currency":"USD"},"paymentIdentifier":{"system":"urn:emr-payments:reference-number","value":"#123456"},"detail":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/payment-type","code":"payment"}]}}],"processNote":[{"type":"display","text":"Copay at the front desk"}]}],"extension":[{"url":"https://extensions.fhir.zapehr.com/payment-method","valueString":"check"},{"url":"https://emr.example/location","valueReference":{"reference":"Location/loc-main"}}],"identifier":[{"system":"urn:emr-payments:payment-id","value":"123e4567e89b12d3a456426614174001"}],"status":"active","request":{"reference":"Patient/pat-1001"},"created":"2026-06-15T14:30:00.000Z","payment":{"reference":"#contained-reconciliation"},"paymentDate":"2026-06-15","recipient":{"reference":"Organization/3a1c"},"amount":{"value":350.1,"currency":"USD"}}`,
  ]);
});
