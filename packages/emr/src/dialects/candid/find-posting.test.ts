import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { PAYMENT_ID, someHints } from '../../testing/vendor-server.fixture.ts';
import { candidAt, ENTRY_ID, entry } from './candid.fixture.ts';

const LIST = 'GET /api/patient-payments/v4';
const OTHER_ID = '1fa85f64-5717-4562-b3fc-2c963f66afa6';
const page = (items: unknown[], next_page_token: string | null = null) => ({
  body: { items, next_page_token },
});
const found = async (...pages: object[]) => {
  const { adapter } = await candidAt({ [LIST]: pages });
  return adapter.find?.(someHints(), quiet());
};

test('it searches by our id, through all pages', async () => {
  const { adapter, queries } = await candidAt({ [LIST]: [page([], 'a+b='), page([entry()])] });
  expect(await adapter.find?.(someHints(), quiet())).toEqual({
    outcome: 'found',
    emrTransactionId: ENTRY_ID,
    rows: [{ id: ENTRY_ID, amount: '350.10' }],
    sum: '350.10',
  });
  const [first, second] = queries.map((query) => Object.fromEntries(query));
  expect(first).toEqual({ source_internal_id: PAYMENT_ID, limit: expect.stringMatching(/^1\d\d$/) });
  expect(second).toEqual({ ...first, page_token: 'a+b=' });
});

test('nothing found is absent', async () => {
  expect(await found(page([]))).toEqual({ outcome: 'absent' });
});

test.each([
  ['another amount', { amount_cents: 1 }, 'another amount'],
  ['another patient', { patient_external_id: '416' }, 'another patient'],
  ['another day', { payment_timestamp: '2026-06-14T12:00:00Z' }, 'another deposit date'],
  ['a day that cannot be read', { payment_timestamp: 'a while ago' }, 'no readable deposit date'],
  ['no day', { payment_timestamp: null }, 'no readable deposit date'],
])('our entry with %s differs', async (_name, change, difference) => {
  expect(await found(page([entry(change)]))).toEqual({
    outcome: 'differs',
    emrTransactionId: ENTRY_ID,
    difference,
  });
});

test('a time in another zone is the same day', async () => {
  const zoned = entry({ payment_timestamp: '2026-06-15T07:00:00-05:00' });
  expect(await found(page([zoned]))).toMatchObject({ outcome: 'found' });
});

test('two entries are several with their sum, and one that two pages show counts once', async () => {
  const second = entry({ patient_payment_id: OTHER_ID });
  expect(await found(page([entry(), second]))).toMatchObject({ outcome: 'several', sum: '700.20' });
  expect(await found(page([entry()], 'a'), page([entry()]))).toMatchObject({ outcome: 'found' });
});

test('what was found counts although a later page cannot be read; what was not found proves nothing', async () => {
  const broken = { status: 500, body: { errorName: 'X', content: {} } };
  expect(await found(page([entry()], 'a'), broken)).toMatchObject({ outcome: 'found' });
  expect(await found(page([entry({ amount_cents: 5 })], 'a'), broken)).toMatchObject({
    outcome: 'unavailable',
  });
  expect(await found(page([], 'a'), broken)).toMatchObject({ outcome: 'unavailable', code: 'emr_error' });
});

test('a list without an end is not read to its end, and proves nothing', async () => {
  const pages = Array.from({ length: 21 }, (_, number) => page([], `token-${number}`));
  const { adapter, queries } = await candidAt({ [LIST]: pages });
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'answer_too_large',
  });
  expect(queries).toHaveLength(20);
});

test('a list that leads back to a page of it is not read again, and proves nothing', async () => {
  const { adapter, queries } = await candidAt({ [LIST]: page([], 'a') });
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'bad_answer',
  });
  expect(queries).toHaveLength(2);
});

test.each([
  ['an entry of another id', page([entry({ source_internal_id: 'other' })]), 'search_not_honoured'],
  ['an entry without an id of ours', page([entry({ source_internal_id: null })]), 'search_not_honoured'],
  ['an entry that cannot be read', page([{ source_internal_id: PAYMENT_ID }]), 'answer_not_understood'],
  ['cents with a fraction', page([entry({ amount_cents: 0.5 })]), 'answer_not_understood'],
  ['no list', { body: { errorName: 'X' } }, 'bad_answer'],
  ['a list alone', { body: [] }, 'bad_answer'],
  ['an answer from a cache', { ...page([]), headers: { age: '9' } }, 'answer_cached'],
])('%s proves nothing', async (_name, answer, code) => {
  expect(await found(answer)).toMatchObject({ outcome: 'unavailable', code });
});
