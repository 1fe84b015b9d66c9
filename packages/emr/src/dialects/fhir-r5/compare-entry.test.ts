import { expect, test } from 'vitest';
import { contradictionOf, differenceOf } from './compare-entry.ts';

const ours = {
  emrPatientId: 'pat-1',
  amount: '350.10',
  depositDate: '2026-06-15',
  method: { id: 's:1|CARD', name: 'Card' },
  location: { id: 'loc-1', name: 'Main' },
  referenceNumber: '#123456',
};
const entry = {
  amount: { value: 350.1, currency: 'USD' },
  paymentIssuer: { reference: 'Patient/pat-1' },
  date: '2026-06-15',
  method: { coding: [{ system: 's:1', code: 'CARD' }], text: 'Card' },
  location: { reference: 'Location/loc-1' },
  referenceNumber: '#123456',
};

test.each([
  ['the entry as we sent it', {}],
  ['an amount without a currency', { amount: { value: 350.1 } }],
  [
    'an absolute reference with a version',
    { paymentIssuer: { reference: 'https://emr.test/fhir/Patient/pat-1/_history/3' } },
  ],
  ['a time of day', { date: '2026-06-15T00:00:00Z' }],
  [
    'a further coding',
    {
      method: {
        coding: [
          { system: 'x:y', code: '7' },
          { system: 's:1', code: 'CARD' },
        ],
      },
    },
  ],
  ['the name of the method alone', { method: { text: ' card ' } }],
  ['the name of the method with other blanks', { method: { text: '\u00a0ca\u200brd' } }],
  ['our code without its system', { method: { coding: [{ code: 'CARD' }] } }],
  [
    'a code of the EMR beside our name',
    { method: { coding: [{ system: 's:own', code: '7' }], text: 'Card' } },
  ],
  ['no location and no reference number', { location: undefined, referenceNumber: undefined }],
  ['a shortened reference number', { referenceNumber: '#1234' }],
])('%s is ours', (_name, change) => {
  expect(differenceOf(ours, { ...entry, ...change })).toBeNull();
});

test.each([
  [{ amount: { value: 350.101, currency: 'USD' } }, 'another amount'],
  [{ amount: { value: 350.1, currency: 'EUR' } }, 'another amount'],
  [{ amount: { value: '350.10' } }, 'no readable amount'],
  [{ amount: undefined }, 'no readable amount'],
  [{ status: 'entered-in-error' }, 'a mark that it was cancelled'],
  [{ status: 'cancelled', date: '1999-12-31' }, 'a mark that it was cancelled and another deposit date'],
  [{ outcome: 'error' }, 'a mark that it was not processed'],
  [{ paymentIssuer: { reference: 'Patient/pat-2' } }, 'another patient'],
  [{ paymentIssuer: { reference: 'Organization/pat-1' } }, 'another patient'],
  [{ paymentIssuer: { display: 'JANE DOE' } }, 'no readable patient'],
  [{ date: '2026-06-16' }, 'another deposit date'],
  [{ date: '2026-06' }, 'another deposit date'],
  [{ method: { coding: [{ system: 's:2', code: 'CARD' }] } }, 'another payment method'],
  [{ method: { coding: [{ system: 's:1', code: 'CASH' }], text: 'Card' } }, 'another payment method'],
  [{ method: { coding: [{ system: 's:own', code: '7' }], text: 'Cash' } }, 'another payment method'],
  [{ method: undefined }, 'no readable payment method'],
  [{ location: { reference: 'Location/loc-2' } }, 'another location'],
  [{ referenceNumber: '#9' }, 'another reference number'],
  [{ date: '2020-01-01', amount: { value: 1 } }, 'another amount and another deposit date'],
])('%j is %s', (change, difference) => {
  expect(differenceOf(ours, { ...entry, ...change })).toBe(difference);
});

test('a look-up compares what it knows', () => {
  const { emrPatientId, amount, depositDate } = ours;
  const known = { emrPatientId, amount, depositDate };
  expect(differenceOf(known, { ...entry, method: undefined, location: 'x' })).toBeNull();
  expect(differenceOf(known, { ...entry, paymentIssuer: null })).toBe('no readable patient');
});

test.each([
  [{}, null],
  [{ date: undefined, method: undefined, paymentIssuer: undefined }, null],
  [{ method: { text: 'Cash' }, status: 'draft', outcome: 'queued' }, null],
  [{ date: '2026-06-16' }, 'another deposit date'],
  [{ status: 'cancelled' }, 'a mark that it was cancelled'],
  [{ outcome: 'error' }, 'a mark that it was not processed'],
])('a created entry with %j has the contradiction %s', (change, contradiction) => {
  expect(contradictionOf(ours, { ...entry, ...change })).toBe(contradiction);
});
