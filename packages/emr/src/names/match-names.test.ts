import { expect, test } from 'vitest';
import type { EmrLists } from '../lists.ts';
import { matchNames } from './match-names.ts';

const lists: EmrLists = {
  methods: [
    { id: 's|CARD', name: 'Card' },
    { id: 's|PTPA', name: 'Patient  Portal' },
    { id: 's|V1', name: 'Voucher' },
    { id: 's|V2', name: 'voucher' },
  ],
  locations: [
    { id: 'loc-1', name: 'Main', identifiers: ['1404'] },
    { id: '1405', name: 'River', identifiers: ['77'] },
    { id: 'loc-3', name: 'Twin', identifiers: [] },
    { id: 'loc-4', name: 'Twin', identifiers: ['1405'] },
  ],
};

test.each([
  ['Card', 's|CARD'],
  ['  cARD ', 's|CARD'],
  ['patient portal', 's|PTPA'],
  ['PATIENT\t PORTAL', 's|PTPA'],
  ['Patient\u00a0Portal\u200b', 's|PTPA'],
])('the method %j is %s', (paymentMethod, id) => {
  expect(matchNames(lists, { paymentMethod, location: '1404' })).toMatchObject({
    outcome: 'resolved',
    method: { id },
  });
});

test.each([
  ['1404', 'loc-1'],
  [' 1404 ', 'loc-1'],
  ['loc-3', 'loc-3'],
  ['river', '1405'],
  // An identifier of one location outranks the id of another.
  ['1405', 'loc-4'],
])('the location %j is %s', (location, id) => {
  const result = matchNames(lists, { paymentMethod: 'Card', location });
  expect(result).toMatchObject({ outcome: 'resolved', location: { id } });
});

test.each([
  [
    { paymentMethod: 'Gold' },
    'unknown_payment_method',
    "The EMR has no payment method named 'Gold'. It has: Card, Patient  Portal, Voucher, voucher.",
  ],
  [
    { paymentMethod: 'Voucher' },
    'unknown_payment_method',
    "The EMR has more than one payment method named 'Voucher'. It has: Card, Patient  Portal, Voucher, voucher.",
  ],
  [
    { location: '9' },
    'unknown_location',
    "The EMR has no location '9'. It has: 1404 (Main), 77 (River), loc-3 (Twin), 1405 (Twin).",
  ],
  [
    { location: 'twin' },
    'unknown_location',
    "The EMR has more than one location 'twin'. It has: 1404 (Main), 77 (River), loc-3 (Twin), 1405 (Twin).",
  ],
])('%j is refused as %s', (names, code, reason) => {
  const result = matchNames(lists, { paymentMethod: 'Card', location: '1404', ...names });
  expect(result).toEqual({ outcome: 'refused', code, reason });
});

test('a name is cut between two characters', () => {
  const names = { paymentMethod: `${'x'.repeat(78)}😀😀😀`, location: '1404' };
  const methods = [{ id: 's|1', name: `${'y'.repeat(58)}😀😀😀` }];
  const result = matchNames({ ...lists, methods }, names);
  expect(result).toMatchObject({
    reason: `The EMR has no payment method named '${'x'.repeat(78)}😀…'. It has: ${'y'.repeat(58)}😀….`,
  });
  expect(JSON.stringify(result)).not.toContain('\\ud8');
});

test('a name of invisible characters is not the name of an entry without a visible one', () => {
  const methods = [{ id: 's|1', name: '\u200b' }];
  expect(matchNames({ ...lists, methods }, { paymentMethod: '\u200d', location: '1404' })).toMatchObject({
    outcome: 'refused',
  });
});

test('a long list is cut after twenty names', () => {
  const methods = Array.from({ length: 33 }, (_, index) => ({ id: `s|${index}`, name: `M${index}` }));
  const result = matchNames({ ...lists, methods }, { paymentMethod: 'x', location: '1404' });
  expect(result).toMatchObject({ reason: expect.stringMatching(/: M0, .*, M19 and 13 more\.$/) });
});

test('an empty list says so', () => {
  const result = matchNames({ ...lists, methods: [] }, { paymentMethod: 'x', location: '1404' });
  expect(result).toMatchObject({ reason: "The EMR has no payment method named 'x'. It lists none." });
});

test('a method that needs data which the payment does not carry is refused, with the data', () => {
  const lists = {
    methods: [{ id: '1', name: 'Visa', needs: 'the last four digits of the card' }],
    locations: [{ id: '1', name: 'Main', identifiers: [] }],
  };
  expect(matchNames(lists, { paymentMethod: 'visa', location: 'Main' })).toEqual({
    outcome: 'refused',
    code: 'method_needs_data',
    reason:
      "The EMR needs data for this payment method that the payment does not carry. For 'Visa' it needs the last four digits of the card.",
  });
});

test('where the EMR has no place for a name, every one is taken', () => {
  const none = { methods: [], locations: [], anyMethod: true, anyLocation: true } as const;
  expect(matchNames(none, { paymentMethod: 'Shells', location: 'Nowhere' })).toEqual({
    outcome: 'resolved',
    method: { id: '', name: 'Shells' },
    location: { id: '', name: 'Nowhere' },
  });
});
