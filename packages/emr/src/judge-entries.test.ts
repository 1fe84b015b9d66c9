import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import { judgeEntries, type OurEntry } from './judge-entries.ts';

const entry = (id: string, amount: string, differences: OurEntry['differences'] = []): OurEntry => ({
  id,
  amount,
  differences,
});
const OTHER_DAY = [sentence`another deposit date`];

test('one entry that agrees is found', () => {
  expect(judgeEntries({ entries: [entry('7', '350.10')], amount: '350.10' })).toEqual({
    outcome: 'found',
    emrTransactionId: '7',
    rows: [{ id: '7', amount: '350.10' }],
    sum: '350.10',
  });
});

test.each([
  [entry('7', '1.00'), 'another amount'],
  [entry('7', '350.10', OTHER_DAY), 'another deposit date'],
  [entry('7', '1.00', OTHER_DAY), 'another amount and another deposit date'],
])('one entry that does not agree differs, in every field that does not', (one, difference) => {
  expect(judgeEntries({ entries: [one], amount: '350.10' })).toEqual({
    outcome: 'differs',
    emrTransactionId: '7',
    difference,
  });
});

test('entries that add up to the payment are found, unless one of them is of another patient or day', () => {
  const parts = [entry('8', '50.10'), entry('7', '300.00')] as const;
  expect(judgeEntries({ entries: parts, amount: '350.10' })).toMatchObject({
    outcome: 'found',
    emrTransactionId: '7',
  });
  const others = [parts[0], entry('7', '300.00', OTHER_DAY)] as const;
  expect(judgeEntries({ entries: others, amount: '350.10' })).toEqual({
    outcome: 'several',
    rows: [
      { id: '7', amount: '300.00' },
      { id: '8', amount: '50.10' },
    ],
    sum: '350.10',
  });
});

test('a payment that is there twice is several', () => {
  const twice = [entry('7', '350.10'), entry('8', '350.10')] as const;
  expect(judgeEntries({ entries: twice, amount: '350.10' })).toMatchObject({
    outcome: 'several',
    sum: '700.20',
  });
});
