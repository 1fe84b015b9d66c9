import { expect, test } from 'vitest';
import { refusalCode } from '../../fhir/refusal.ts';
import type { Posting } from '../../posting.ts';
import { type NoticeForm, paymentNotice, toPaymentNotice } from './payment-notice.ts';

const FORM: NoticeForm = {
  identifierSystem: 's:id',
  referenceSystem: 's:ref',
  recipient: 'Organization/1',
  requestsPatient: true,
  methodUrl: 'u:method',
  methodAsConcept: false,
  locationUrl: null,
};
const POSTING: Posting = {
  paymentId: '123e4567e89b12d3a456426614174001',
  emrPatientId: 'p1',
  amount: '0.10',
  referenceNumber: '#1',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: 's:m|CHCK', name: 'Check' },
  location: { id: 'l1', name: 'Main' },
};
const notice = (form: Partial<NoticeForm> = {}, posting: Partial<Posting> = {}) =>
  toPaymentNotice({ ...POSTING, ...posting }, { form: { ...FORM, ...form }, now: new Date(0) });

test('the recipient is the organization of the connection, else a name alone', () => {
  expect(notice().recipient).toEqual({ reference: 'Organization/1' });
  expect(notice({ recipient: null }).recipient).toEqual({ display: 'The practice' });
});

test('a connection may have no place for the patient', () => {
  expect(notice().request).toEqual({ reference: 'Patient/p1' });
  expect(notice({ requestsPatient: false })).not.toHaveProperty('request');
});

test.each([
  [{}, { id: 's:m|CHCK', name: 'Check' }, { valueString: 'CHCK' }],
  [{}, { id: 'external-card-reader', name: 'x' }, { valueString: 'external-card-reader' }],
  [
    { methodAsConcept: true },
    { id: 's:m|CHCK', name: 'Check' },
    {
      valueCodeableConcept: {
        coding: [{ system: 's:m', code: 'CHCK', display: 'Check' }],
        text: 'Check',
      },
    },
  ],
  [
    { methodAsConcept: true },
    { id: 'cash', name: 'cash' },
    { valueCodeableConcept: { coding: [{ code: 'cash', display: 'cash' }], text: 'cash' } },
  ],
])('with the form %j the method %j is %j', (form, method, value) => {
  expect(notice(form, { method }).extension).toEqual([{ url: 'u:method', ...value }]);
});

test('the location is in an extension where there is one', () => {
  expect(notice({ locationUrl: 'u:place' }).extension[1]).toEqual({
    url: 'u:place',
    valueReference: { reference: 'Location/l1' },
  });
});

test('a payment without notes has neither a disposition nor a note', () => {
  const [payment] = notice({}, { notes: null }).contained;
  expect(payment).not.toHaveProperty('disposition');
  expect(payment).not.toHaveProperty('processNote');
});

test.each([
  ['PaymentNotice.request', 'not-found', null, 'unknown_patient'],
  ['PaymentNotice.request.reference', 'value', null, 'unknown_patient'],
  ['PaymentNotice.amount', 'value', null, 'amount_refused'],
  ['PaymentNotice.contained[0].paymentAmount', 'value', null, 'amount_refused'],
  ['PaymentNotice.contained.paymentAmount.value', 'value', null, 'amount_refused'],
  ['PaymentNotice.paymentDate', 'business-rule', null, 'closed_period'],
  ['PaymentNotice.contained[0].paymentDate', 'business-rule', null, 'closed_period'],
  ['PaymentNotice.paymentDate', 'value', null, undefined],
  ['PaymentNotice.extension', 'code-invalid', null, 'unknown_payment_method'],
  ['PaymentNotice.extension', 'code-invalid', 'u:place', undefined],
  ['PaymentNotice.extension[0].value', 'code-invalid', 'u:place', 'unknown_payment_method'],
  ['PaymentNotice.extension[1]', 'code-invalid', 'u:place', 'unknown_location'],
  ['PaymentNotice.requestor', 'value', null, undefined],
  ['PaymentReconciliation.request', 'value', null, undefined],
])(
  'an issue about %s (%s) with the location at %s is the code %s',
  (expression, code, locationUrl, wanted) => {
    const issue = { severity: 'error', code, expression: [expression] };
    const outcome = { resourceType: 'OperationOutcome' as const, issue: [issue] };
    expect(refusalCode(paymentNotice({ ...FORM, locationUrl }), outcome)).toBe(wanted);
  },
);
