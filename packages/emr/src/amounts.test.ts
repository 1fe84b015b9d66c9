import { expect, test } from 'vitest';
import { centsText, readCents } from './amounts.ts';

test.each([
  ['339', 33_900n],
  ['129.9', 12_990n],
  ['129.99', 12_999n],
  ['-350.00', -35_000n],
  ['350.0000', 35_000n],
  [' 1.15 ', 115n],
  [0.1, 10n],
  [-350, -35_000n],
  ['9999999999.99', 999_999_999_999n],
  [9_999_999_999.99, 999_999_999_999n],
])('%j is %s cents', (value, cents) => {
  expect(readCents(value)).toBe(cents);
});

test.each(['', '1.155', '1e3', 1e21, Number.NaN, '1,000.00', '$5', '--5', '.5', null, undefined, {}, true])(
  '%j is no amount',
  (value) => {
    expect(readCents(value)).toBeNull();
  },
);

test.each([
  [0n, '0.00'],
  [5n, '0.05'],
  [-5n, '-0.05'],
  [35_010n, '350.10'],
])('%s cents are %s', (cents, text) => {
  expect(centsText(cents)).toBe(text);
});
