import { expect, test } from 'vitest';
import { readNotice } from './read-notice.ts';

const ID = '123e4567e89b12d3a456426614174001';
const OTHER = 'ffffffffe89b12d3a456426614174001';

test.each([
  ['the object itself', { transaction_id: `emr-payments-${ID}` }, [ID]],
  [
    'an event with the object as data',
    { resource_type: 'Payment', event: 'payment_insertion.failed', data: { transaction_id: ID } },
    [ID],
  ],
  ['several rows', { data: [{ transaction_id: `p-${ID}` }, { transaction_id: `p-${OTHER}` }] }, [ID, OTHER]],
  ['the same twice', [{ transaction_id: ID }, { transaction_id: ID }], [ID]],
  ['another form of id', { transaction_id: `emr-payments-${ID.toUpperCase()}` }, []],
  ['a longer number', { transaction_id: `0${ID}` }, []],
  ['another member', { id: ID, notes: ID }, []],
  ['a number', { transaction_id: 4 }, []],
  ['nothing', null, []],
  ['text', ID, []],
])('%s', (_name, body, paymentIds) => {
  expect(readNotice(body)).toEqual({ paymentIds });
});

test('a body that is too deep or too large ends the reading', () => {
  let deep: unknown = { transaction_id: ID };
  for (let level = 0; level < 50; level += 1) deep = { data: deep };
  expect(readNotice(deep)).toEqual({ paymentIds: [] });
  expect(readNotice([...Array.from({ length: 20_000 }, () => 0), { transaction_id: ID }])).toEqual({
    paymentIds: [],
  });
});
