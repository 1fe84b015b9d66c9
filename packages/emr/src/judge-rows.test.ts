import { expect, test } from 'vitest';
import { judgeRows } from './judge-rows.ts';
import type { FoundRow } from './posting.ts';

const rows = (...all: [id: string, amount: string][]) =>
  all.map(([id, amount]) => ({ id, amount })) as [FoundRow, ...FoundRow[]];
const judge = (all: [FoundRow, ...FoundRow[]]) => judgeRows({ rows: all, amount: '350.10' });

test('one row with the amount is the payment', () => {
  expect(judge(rows(['7', '350.10']))).toEqual({
    outcome: 'found',
    emrTransactionId: '7',
    rows: [{ id: '7', amount: '350.10' }],
    sum: '350.10',
  });
});

test('rows that add up are the payment, and the lowest id is named: ids are numbers where they are digits', () => {
  expect(judge(rows(['100', '0.10'], ['9', '300.00'], ['20', '50.00']))).toMatchObject({
    outcome: 'found',
    emrTransactionId: '9',
    rows: [{ id: '9' }, { id: '20' }, { id: '100' }],
    sum: '350.10',
  });
});

test('a row and its reversal beside the payment add up to it', () => {
  expect(judge(rows(['1', '350.10'], ['2', '-350.10'], ['3', '350.10']))).toMatchObject({ outcome: 'found' });
});

test('one row of another amount differs', () => {
  expect(judge(rows(['7', '350.09']))).toEqual({
    outcome: 'differs',
    emrTransactionId: '7',
    difference: 'another amount',
  });
});

test.each<[string, [string, string][], string]>([
  [
    'twice',
    [
      ['7', '350.10'],
      ['8', '350.10'],
    ],
    '700.20',
  ],
  [
    'with a part missing',
    [
      ['7', '300.00'],
      ['8', '50.00'],
    ],
    '350.00',
  ],
  [
    'and given back',
    [
      ['7', '350.10'],
      ['8', '-350.10'],
    ],
    '0.00',
  ],
])('rows of a payment that was posted %s are several', (_name, all, sum) => {
  expect(judge(rows(...(all as [[string, string]])))).toMatchObject({ outcome: 'several', sum });
});
