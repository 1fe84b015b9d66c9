import { expect, test } from 'vitest';
import { classifyPost } from '../../fhir/classify.ts';
import { NO_REFUSALS, REFUSALS } from '../../fhir/no-refusals.fixture.ts';
import { paymentNotice } from './payment-notice.ts';

const R4 = {
  payments: paymentNotice({
    identifierSystem: 'urn:emr-payments:payment-id',
    referenceSystem: 'urn:emr-payments:reference-number',
    recipient: null,
    requestsPatient: true,
    methodUrl: 'https://emr.example/method',
    methodAsConcept: false,
    locationUrl: null,
  }),
};

test.each(NO_REFUSALS)('$name proves nothing', ({ answer }) => {
  expect(classifyPost(R4, answer)).toMatchObject({ outcome: 'unknown' });
});

test('a refusal in the form of FHIR is one', () => {
  const outcomes = REFUSALS.map((answer) => `${answer.status} ${classifyPost(R4, answer).outcome}`);
  expect(outcomes).toEqual([
    '400 refused',
    '403 not_sent',
    '404 refused',
    '405 refused',
    '410 unknown',
    '413 refused',
    '414 unknown',
    '415 refused',
    '418 unknown',
    '422 refused',
    '431 unknown',
    '451 unknown',
  ]);
});

test.each([
  ['business-rule', 'PaymentNotice.paymentDate', 'closed_period'],
  ['business-rule', 'PaymentNotice.amount', 'amount_refused'],
  ['not-found', 'PaymentNotice.request', 'unknown_patient'],
])('422 %s at %s is refused as %s', (code, expression, expected) => {
  const body = JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, expression: [expression] }],
  });
  expect(classifyPost(R4, { kind: 'answer', status: 422, headers: {}, body })).toMatchObject({
    outcome: 'refused',
    code: expected,
  });
});
