import { expect, test } from 'vitest';
import type { Posting } from '../../posting.ts';
import { contradictionOf, differenceOf } from './compare-entry.ts';
import { toPaymentNotice } from './payment-notice.ts';

const FORM = {
  identifierSystem: 's:id',
  referenceSystem: 's:ref',
  recipient: null,
  requestsPatient: true,
  methodUrl: 'u:method',
  methodAsConcept: false,
  locationUrl: 'u:place',
};
const POSTING: Posting = {
  paymentId: '123e4567e89b12d3a456426614174001',
  emrPatientId: 'p1',
  amount: '350.10',
  referenceNumber: '#123456',
  notes: 'Copay at the front desk',
  depositDate: '2026-06-15',
  method: { id: 'card', name: 'card' },
  location: { id: 'l1', name: 'Main' },
};
const ENTRY = { id: '7', ...toPaymentNotice(POSTING, { form: FORM, now: new Date(0) }) };
const [CONTAINED] = ENTRY.contained as [(typeof ENTRY.contained)[0]];
const within = (change: object) => ({ contained: [{ ...CONTAINED, ...change }] });
const method = (value: object) => ({ extension: [{ url: 'u:method', ...value }] });

test.each<[string, object, string | null]>([
  ['what we sent', {}, null],
  ['another amount', { amount: { value: 350.1, currency: 'CAD' } }, 'another amount'],
  ['an amount that is another in its payment', within({ paymentAmount: { value: 1 } }), 'another amount'],
  ['no amount', { amount: undefined }, 'no readable amount'],
  ['a status that voids it', { status: 'cancelled' }, 'a mark that it was cancelled'],
  ['a status that does not', { status: 'draft' }, null],
  ['a payment that failed', within({ outcome: 'error' }), 'a mark that it was not processed'],
  ['a payment that is queued', within({ outcome: 'queued' }), null],
  ['another patient', { request: { reference: 'Patient/p2' } }, 'another patient'],
  ['an encounter', { request: { reference: 'Encounter/p1' } }, 'another patient'],
  ['no patient', { request: undefined }, 'no readable patient'],
  ['a whole URL of the patient', { request: { reference: 'https://a.test/r4/Patient/p1' } }, null],
  ['another day', { paymentDate: '2026-06-14' }, 'another deposit date'],
  ['no day but the one of the payment', { paymentDate: undefined }, null],
  ['no day', { paymentDate: undefined, contained: [] }, 'no readable deposit date'],
  ['another method', method({ valueString: 'cash' }), 'another payment method'],
  ['the method in capitals', method({ valueString: 'CARD' }), null],
  ['the method as a code', method({ valueCode: 'card' }), null],
  ['the method as a concept', method({ valueCodeableConcept: { coding: [{ code: 'card' }] } }), null],
  [
    'another concept',
    method({ valueCodeableConcept: { coding: [{ code: 'x' }] } }),
    'another payment method',
  ],
  ['no method', { extension: undefined }, 'no readable payment method'],
  ['another reference', within({ paymentIdentifier: { value: '#9' } }), 'another reference number'],
  ['a reference that was cut', within({ paymentIdentifier: { value: '#1234' } }), null],
  ['no reference', within({ paymentIdentifier: undefined }), null],
  ['another note', within({ processNote: [{ text: 'Refund' }], disposition: 'Refund' }), 'another note'],
  ['a disposition of the EMR beside our note', within({ disposition: 'card payment' }), null],
  ['a note that was cut', within({ processNote: undefined, disposition: 'Copay at' }), null],
  [
    'another location',
    {
      extension: [
        ...ENTRY.extension.slice(0, 1),
        { url: 'u:place', valueReference: { reference: 'Location/l2' } },
      ],
    },
    'another location',
  ],
  [
    'two differences',
    { amount: { value: 1 }, paymentDate: '2026-06-14' },
    'another amount and another deposit date',
  ],
  ['a contained payment of another name', { ...within({ id: 'p' }), payment: { reference: '#p' } }, null],
  [
    'no form that we read',
    { amount: '350.10', request: 'p1', extension: 'x', contained: {}, payment: 7 },
    'no readable amount and no readable patient and no readable payment method',
  ],
])('an entry with %s', (_name, change, difference) => {
  expect(differenceOf({ form: FORM, ours: POSTING }, { ...ENTRY, ...change })).toBe(difference);
});

test('a look-up compares what it knows, and a form without the patient has none to compare', () => {
  const { emrPatientId, amount, depositDate } = POSTING;
  const known = { emrPatientId: 'p2', amount, depositDate };
  const { extension: _, ...entry } = ENTRY;
  expect(differenceOf({ form: FORM, ours: known }, entry)).toBe('another patient');
  expect(differenceOf({ form: FORM, ours: { ...known, emrPatientId } }, entry)).toBe(null);
  expect(differenceOf({ form: { ...FORM, requestsPatient: false }, ours: known }, entry)).toBe(null);
});

test.each<[string, object, string | null]>([
  ['what we sent', {}, null],
  [
    'little of it',
    { amount: undefined, request: undefined, contained: undefined, extension: undefined },
    null,
  ],
  ['another method and text', { ...within({ disposition: 'x' }), ...method({ valueString: 'cash' }) }, null],
  ['another day', { paymentDate: '2026-06-14' }, 'another deposit date'],
  ['a status that voids it', { status: 'entered-in-error' }, 'a mark that it was cancelled'],
  ['a payment that failed', within({ outcome: 'error' }), 'a mark that it was not processed'],
  ['another amount', { amount: { value: 350, currency: 'USD' } }, 'another amount'],
  [
    'another amount and patient',
    { amount: { value: 1 }, request: { reference: 'Patient/p2' } },
    'another amount and another patient',
  ],
])('a created entry with %s', (_name, change, expected) => {
  expect(contradictionOf({ form: FORM, ours: POSTING }, { ...ENTRY, ...change })).toBe(expected);
});
