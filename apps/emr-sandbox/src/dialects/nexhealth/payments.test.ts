import { expect, onTestFinished, test, vi } from 'vitest';
import { nexhealthForTest, PAYMENT_ID, PLACE, payment } from './nexhealth.fixture.ts';

const errorOf = (answer: { statusCode: number; json(): { code: boolean; error: string[] } }) => {
  const { code, error } = answer.json();
  expect(code).toBe(false);
  return [answer.statusCode, error[0]];
};

test('a payment is accepted with an empty 202, and is in the ledger with our sign', async () => {
  const { pay, ledger, rows } = await nexhealthForTest();
  const accepted = await pay();
  expect([accepted.statusCode, accepted.body]).toEqual([202, '']);
  expect(await ledger()).toMatchObject([
    {
      payment_id: PAYMENT_ID,
      dialect: 'nexhealth',
      patient_mrn: 'MRN-12345',
      amount: 350,
      payment_method: 'Cash',
      location: '1404',
      notes: 'Copay at the front desk',
      deposit_date: '2026-06-15',
    },
  ]);
  const { code, error, data, page_info } = await rows();
  expect([code, error, data.length, page_info.has_next_page]).toEqual([true, [], 1, false]);
  expect(data[0]).toMatchObject({
    id: 13_969_262,
    patient_id: 1,
    location_id: 1,
    payment_type_id: 2,
    payment_amount: { amount: '-350.00', currency: 'USD' },
    paid_at: '2026-06-15',
    transaction_id: payment.transaction_id,
    deleted_at: null,
  });
});

test('a positive amount is a refund, so a wrong sign is seen in the ledger', async () => {
  const { pay, ledger, rows } = await nexhealthForTest();
  await pay({ amount: 350 });
  expect((await ledger())[0].amount).toBe(-350);
  expect((await rows()).data[0].payment_amount.amount).toBe('350.00');
});

test('the same transaction id sent twice makes two payments', async () => {
  const { pay, rows } = await nexhealthForTest();
  await pay();
  await pay();
  expect((await rows()).data).toHaveLength(2);
});

test('the entry appears after the pace', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const { pay, rows } = await nexhealthForTest({ pace: { limits: 'raised', later_ms: 80 } });
  expect((await pay()).statusCode).toBe(202);
  for (const ms of [0, 79]) {
    await vi.advanceTimersByTimeAsync(ms);
    expect((await rows()).data).toEqual([]);
  }
  await vi.advanceTimersByTimeAsync(1);
  expect((await rows()).data).toHaveLength(1);
});

test.each([
  ['by_amount', -129.14, ['-64.57', '-64.57']],
  ['by_amount', -0.21, ['-0.10', '-0.11']],
  ['by_amount', -350, ['-350.00']],
  ['by_amount', -129.15, ['-129.15']],
  ['always', -350.01, ['-175.00', '-175.01']],
  ['never', -129.14, ['-129.14']],
])('rows are split %s: %d becomes %j', async (split_rows, amount, amounts) => {
  const { pay, rows, ledger, control } = await nexhealthForTest();
  await control({ split_rows });
  await pay({ amount });
  const { data } = await rows();
  const shown = data.map((row: { payment_amount: { amount: string } }) => row.payment_amount.amount);
  expect(shown.toSorted()).toEqual([...amounts].sort());
  expect(new Set((await ledger()).map((entry: { payment_id: string }) => entry.payment_id))).toEqual(
    new Set([PAYMENT_ID]),
  );
});

test.each([
  ['no payment', {}, 'payment is missing'],
  ['a field beside the payment', { payment, dry_run: true }, 'Unknown parameter: dry_run'],
  [
    'an unknown field',
    { payment: { ...payment, type_name: 'Cash' } },
    'Unknown parameter: payment[type_name]',
  ],
  ['splits over providers', { payment: { ...payment, provider_splits: {} } }, 'no providers'],
  ['no patient', { payment: { ...payment, patient_id: undefined } }, 'payment[patient_id] is missing'],
  ['a patient as text', { payment: { ...payment, patient_id: '1' } }, 'payment[patient_id] is invalid'],
  [
    'an unknown patient',
    { payment: { ...payment, patient_id: 99 } },
    'Patient with ID 99 not found in location 1',
  ],
  [
    'no payment type',
    { payment: { ...payment, payment_type_id: null } },
    'payment[payment_type_id] is missing',
  ],
  [
    'an unknown payment type',
    { payment: { ...payment, payment_type_id: 99 } },
    'Payment Type with id 99 not found in location 1',
  ],
  ['no amount', { payment: { ...payment, amount: undefined } }, 'payment[amount] is missing'],
  ['an amount as text', { payment: { ...payment, amount: '-350.00' } }, 'payment[amount] is invalid'],
  ['nothing', { payment: { ...payment, amount: 0 } }, 'payment[amount] is invalid'],
  ['a part of a cent', { payment: { ...payment, amount: -1.005 } }, 'payment[amount] is invalid'],
  ['another currency', { payment: { ...payment, currency: 'EUR' } }, 'payment[currency] is invalid'],
  [
    'no transaction id',
    { payment: { ...payment, transaction_id: '' } },
    'payment[transaction_id] is missing',
  ],
  [
    'a transaction id of 51 characters',
    { payment: { ...payment, transaction_id: 'x'.repeat(51) } },
    'payment[transaction_id] is too long',
  ],
  ['a day without a time', { payment: { ...payment, paid_at: '2026-06-15' } }, 'payment[paid_at] is invalid'],
  ['a day that is none', { payment: { ...payment, paid_at: '2026-13-40T00:00:00Z' } }, 'payment[paid_at]'],
  ['notes as a number', { payment: { ...payment, notes: 5 } }, 'payment[notes] is invalid'],
])('a create with %s is refused', async (_name, body, message) => {
  const { post, ledger } = await nexhealthForTest();
  const [status, error] = errorOf(await post(body));
  expect([status, error]).toEqual([400, expect.stringContaining(message)]);
  expect(await ledger()).toEqual([]);
});

test('a transaction id of 50 characters is taken', async () => {
  const { pay } = await nexhealthForTest();
  expect((await pay({ transaction_id: 'x'.repeat(50) })).statusCode).toBe(202);
});

test('the day of a payment is the one in UTC', async () => {
  const { pay, ledger } = await nexhealthForTest();
  await pay({ paid_at: '2026-06-15T23:30:00-05:00' });
  expect((await ledger())[0].deposit_date).toBe('2026-06-16');
});

test('a body that is a form or no JSON is refused', async () => {
  const { post } = await nexhealthForTest();
  const form = await post('payment[amount]=-1', { type: 'application/x-www-form-urlencoded' });
  expect(errorOf(form)[0]).toBe(400);
  expect(errorOf(await post('{'))[0]).toBe(400);
});

test('a search needs a filter, and ignores parameters that it does not know', async () => {
  const { get, pay, rows } = await nexhealthForTest();
  await pay();
  await pay({ patient_id: 2, transaction_id: 'other' });
  expect(errorOf(await get(`/payments?${PLACE}`))).toEqual([400, expect.stringContaining('is required')]);
  const found = await rows('patient_id=2&colour=red');
  expect([found.data.length, found.error]).toEqual([1, ['Unknown parameter: colour']]);
  expect((await rows('transaction_id=oth')).data).toEqual([]);
  expect((await rows(`transaction_id=${PAYMENT_ID}`)).data).toEqual([]);
  expect((await rows('updated_since=2020-01-01T00:00:00Z')).data).toHaveLength(2);
  expect((await rows('updated_since=2999-01-01T00:00:00Z')).data).toEqual([]);
  expect(errorOf(await get(`/payments?${PLACE}&updated_since=yesterday`))[0]).toBe(400);
});

test('pages have five rows unless per_page says otherwise, and cursors lead both ways', async () => {
  const { pay, rows, get } = await nexhealthForTest();
  for (let number = 0; number < 12; number += 1) await pay();
  const mine = `transaction_id=${payment.transaction_id}`;
  const first = await rows(mine);
  expect(first.data.map(({ id }: { id: number }) => id - 13_969_262)).toEqual([0, 1, 2, 3, 4]);
  expect(first.page_info).toMatchObject({ has_previous_page: false, has_next_page: true });
  const second = await rows(`${mine}&end_cursor=${first.page_info.end_cursor}`);
  expect(second.data[0].id - 13_969_262).toBe(5);
  const third = await rows(`${mine}&end_cursor=${second.page_info.end_cursor}`);
  expect([third.data.length, third.page_info.has_next_page]).toEqual([2, false]);
  const back = await rows(`${mine}&start_cursor=${third.page_info.start_cursor}`);
  expect(back.data).toEqual(second.data);
  expect((await rows(`${mine}&per_page=1000`)).data).toHaveLength(12);
  for (const wrong of ['per_page=1001', 'per_page=0', 'end_cursor=!', 'sort=colour', 'include_deleted=1'])
    expect(errorOf(await get(`/payments?${PLACE}&${mine}&${wrong}`))[0], wrong).toBe(400);
});

test('a payment that was deleted in the EMR is shown only on request', async () => {
  const { app, pay, rows } = await nexhealthForTest();
  await pay();
  const { id } = (await rows()).data[0];
  await app.inject({ method: 'DELETE', url: `/sandbox/nexhealth/payments/${id}` });
  expect((await rows()).data).toEqual([]);
  const [deleted] = (await rows(`transaction_id=${payment.transaction_id}&include_deleted=true`)).data;
  expect(Date.parse(deleted.deleted_at)).not.toBeNaN();
});

test('one payment is read by its id', async () => {
  const { get, pay, rows } = await nexhealthForTest();
  await pay();
  const [row] = (await rows()).data;
  expect((await get(`/payments/${row.id}?subdomain=demo-practice`)).json().data).toEqual(row);
  expect(errorOf(await get('/payments/1?subdomain=demo-practice'))[0]).toBe(404);
});

test('the path of before May 2025 is still served', async () => {
  const { post, rows } = await nexhealthForTest();
  expect((await post({ payment }, { path: `/payment_transactions?${PLACE}` })).statusCode).toBe(202);
  expect((await rows()).data).toHaveLength(1);
});

test('without search, and with closed books, the sandbox is what its capabilities say', async () => {
  const closed = { conditional_create: true, search: false, books_closed_before: '2027-01-01' };
  const { get, pay, ledger } = await nexhealthForTest({ capabilities: closed });
  expect((await pay()).statusCode).toBe(202);
  expect(await ledger()).toEqual([]);
  expect(errorOf(await get(`/payments?${PLACE}&transaction_id=x`))[0]).toBe(403);
});
