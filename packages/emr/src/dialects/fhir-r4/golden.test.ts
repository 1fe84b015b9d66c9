import { expect, test } from 'vitest';
import { requestsOfOnePayment } from '../../fhir/golden.fixture.ts';
import { fhirR4 } from './adapter.ts';

// https://hl7.org/fhir/R4/paymentnotice.html, https://hl7.org/fhir/R4/paymentreconciliation.html, and for the form
// https://github.com/masslight/ottehr/blob/develop/packages/zambdas/src/billing/payments.ts
test('one payment, byte for byte', async () => {
  const seen = await requestsOfOnePayment({
    dialect: fhirR4,
    path: '/r4',
    settings: { recipient: 'Organization/3a1c', location_extension_url: 'https://emr.example/location' },
    names: {
      method: { id: 'check', name: 'check' },
      location: { id: 'loc-main', name: 'Main Street Clinic' },
    },
  });
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
