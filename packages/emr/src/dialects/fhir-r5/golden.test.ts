import { expect, test } from 'vitest';
import { requestsOfOnePayment } from '../../fhir/golden.fixture.ts';
import { fhirR5 } from './adapter.ts';

// https://hl7.org/fhir/R5/paymentreconciliation.html, and for the condition https://hl7.org/fhir/R5/http.html#ccreate
test('one payment, byte for byte', async () => {
  const seen = await requestsOfOnePayment({
    dialect: fhirR5,
    path: '/r5',
    settings: {},
    names: {
      method: { id: 'urn:emr-payments:payment-method|CHECK', name: 'Check' },
      location: { id: 'loc-main', name: 'Main Street Clinic' },
    },
  });
  expect(seen).toEqual([
    `POST /r5/PaymentReconciliation
accept-encoding: identity
accept: application/fhir+json
authorization: Bearer sesame
connection: keep-alive
content-length: 682
content-type: application/fhir+json
if-none-exist: identifier=urn:emr-payments:payment-id|123e4567e89b12d3a456426614174001
prefer: return=minimal
user-agent: got (https://github.com/sindresorhus/got)

{"resourceType":"PaymentReconciliation","identifier":[{"system":"urn:emr-payments:payment-id","value":"123e4567e89b12d3a456426614174001"}],"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/payment-type","code":"payment","display":"Payment"}]},"status":"active","created":"2026-06-15T14:30:00.000Z","paymentIssuer":{"reference":"Patient/pat-1001"},"method":{"coding":[{"system":"urn:emr-payments:payment-method","code":"CHECK","display":"Check"}],"text":"Check"},"referenceNumber":"#123456","location":{"reference":"Location/loc-main"},"date":"2026-06-15","amount":{"value":350.1,"currency":"USD"},"processNote":[{"type":"display","text":"Copay at the front desk"}]}`,
  ]);
});
