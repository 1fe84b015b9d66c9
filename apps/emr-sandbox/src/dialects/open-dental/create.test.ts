import { expect, test } from 'vitest';
import { goodPayment, MARKED, officeForTest } from './office.fixture.ts';

test('a payment is answered with its object, and is in the ledger in our words', async () => {
  const office = await officeForTest();
  const answer = await office.pay();
  expect([answer.statusCode, answer.headers.location]).toEqual([
    201,
    '/open-dental/api/v1/payments/13969262',
  ]);
  expect(answer.json()).toMatchObject({
    PayNum: 13_969_262,
    PayType: 301,
    payType: 'Card',
    PayDate: '2026-06-15',
    PayAmt: '129.99',
    CheckNum: '2058',
    BankBranch: '',
    PayNote: MARKED,
    PatNum: 1,
    ClinicNum: '1',
    PaymentSource: 'API',
    RecurringChargeDate: '0001-01-01',
    serverDateTime: '',
  });
  expect(await office.entries()).toEqual([
    expect.objectContaining({
      emr_transaction_id: '13969262',
      payment_id: '123e4567e89b12d3a456426614174001',
      patient_id: 'pat-1001',
      amount: 129.99,
      payment_method: 'Card',
      reference_number: '2058',
      location: '1404',
      notes: MARKED,
      deposit_date: '2026-06-15',
      dialect: 'open-dental',
    }),
  ]);
});

test.each([
  [339, '339'],
  ['339.00', '339'],
  ['129.90', '129.9'],
  [9_999_999_999.99, '9999999999.99'],
])('the amount %j is taken, and given back as the text %s', async (PayAmt, shown) => {
  const office = await officeForTest();
  expect((await office.pay({ PayAmt })).json().PayAmt).toBe(shown);
});

test('without a type, a date and a clinic it has those of the office', async () => {
  const office = await officeForTest();
  const row = (await office.pay({ PayType: undefined, PayDate: undefined, ClinicNum: undefined })).json();
  expect(row).toMatchObject({ PayType: 301, PayDate: row.DateEntry, ClinicNum: '0' });
  expect((await office.entries())[0].location).toBeNull();
});

test.each([
  ['PayAmt', { PayAmt: undefined }, 'PayAmt is required.'],
  ['PatNum', { PatNum: undefined }, 'PatNum is required.'],
  ['an amount of zero', { PayAmt: 0 }, 'PayAmt is invalid.'],
  ['a negative amount', { PayAmt: '-5.00' }, 'PayAmt is invalid.'],
  ['a fraction of a cent', { PayAmt: '1.005' }, 'PayAmt is invalid.'],
  ['an amount with a currency', { PayAmt: '$5.00' }, 'PayAmt is invalid.'],
  ['a PatNum as text', { PatNum: '1' }, 'PatNum is invalid.'],
  ['an unknown field', { Amount: 5 }, 'Amount is not a valid field.'],
  ['a field in another case', { payNote: 'x' }, 'payNote is not a valid field.'],
  ['a field that is only given out', { PaymentSource: 'API' }, 'PaymentSource is not a valid field.'],
  ['a boolean that is no text', { isPatientPreferred: true }, 'isPatientPreferred is invalid.'],
  ['a boolean with a capital', { isPatientPreferred: 'True' }, 'isPatientPreferred is invalid.'],
  ['null', { PayNote: null }, 'PayNote is invalid.'],
  ['procNums as text', { procNums: '1,2' }, 'procNums is invalid.'],
  ['a DefNum as text', { PayType: '301' }, 'PayType is invalid.'],
  ['a DefNum of another category', { PayType: 900 }, 'PayType is invalid.'],
  ['a hidden DefNum', { PayType: 300 }, 'PayType is invalid.'],
  ['an unknown clinic', { ClinicNum: '9' }, 'ClinicNum is invalid.'],
  ['a note of 4,001 characters', { PayNote: 'x'.repeat(4001) }, 'PayNote is invalid.'],
  ['a check number of 26 characters', { CheckNum: 'x'.repeat(26) }, 'CheckNum is invalid.'],
  ['a bank branch of 26 characters', { BankBranch: 'x'.repeat(26) }, 'BankBranch is invalid.'],
  ['another form of date', { PayDate: '06/15/2026' }, 'PayDate must be in the format yyyy-MM-dd.'],
  ['a day that is none', { PayDate: '2026-02-30' }, 'PayDate must be in the format yyyy-MM-dd.'],
  ['a day to come', { PayDate: '2999-01-01' }, 'PayDate cannot be in the future.'],
])('%s is refused with 400 and a sentence', async (_name, change, text) => {
  const office = await officeForTest();
  const answer = await office.pay(change);
  expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([
    400,
    'text/plain; charset=utf-8',
    text,
  ]);
  expect(await office.entries()).toEqual([]);
});

test.each([
  ['an unknown patient', { PatNum: 99 }, 'Patient not found.'],
  ['a payment plan that is none', { payPlanNum: 12 }, 'PayPlan not found.'],
])('%s is answered with 404', async (_name, change, text) => {
  const office = await officeForTest();
  const answer = await office.pay(change);
  expect([answer.statusCode, answer.body]).toEqual([404, text]);
});

test.each([
  ['form fields', 'PayAmt=1&PatNum=1', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['no JSON', '{"PayAmt":', {}],
  ['a list', [goodPayment], {}],
])('a body of %s is refused with 400', async (_name, body, headers) => {
  const office = await officeForTest();
  expect((await office.call('POST', '/payments', body, headers)).statusCode).toBe(400);
  expect(await office.entries()).toEqual([]);
});

test('a payment before the lock date is refused', async () => {
  const office = await officeForTest({
    capabilities: { conditional_create: true, search: true, books_closed_before: '2026-07-01' },
  });
  const answer = await office.pay();
  expect([answer.statusCode, answer.body]).toEqual([
    400,
    'PayDate is before the lock date: payments before 2026-07-01 are locked.',
  ]);
});

test("money goes to the family's oldest charges, unless the patient is preferred or it is a prepayment", async () => {
  const office = await officeForTest();
  const spread = await office.pay({ isPatientPreferred: undefined });
  await office.pay({ isPatientPreferred: 'false' });
  await office.pay({ isPatientPreferred: undefined, isPrepayment: 'true' });
  await office.pay({ PatNum: 2, isPatientPreferred: 'false' });
  await office.pay({ PatNum: 5, isPatientPreferred: 'false' });
  const patients = (await office.entries()).map(({ patient_id }: { patient_id: string }) => patient_id);
  expect(patients).toEqual(['pat-1002', 'pat-1002', 'pat-1001', 'pat-1001', 'pat-1005']);
  // The payment itself stays with the patient who paid: only the account shows where the money went.
  expect(spread.json().PatNum).toBe(1);
});

test('the same payment sent twice is two payments', async () => {
  const office = await officeForTest();
  await office.pay();
  await office.pay();
  expect(await office.entries()).toHaveLength(2);
});

test.each([
  ['[emr-payments:123e4567e89b12d3a456426614174001]', true],
  ['[emr-payments 123e4567e89b12d3a456426614174001] x', true],
  ['emr-payments 123e4567e89b12d3a456426614174001', true],
  ['paid [emr-payments:123e4567e89b12d3a456426614174001]', false],
  ['[emr-payments:123e4567e89b12d3a4564266141740019]', false],
  ['[emr-payments:123E4567E89B12D3A456426614174001]', false],
])('the note %j names the payment: %j', async (PayNote, named) => {
  const office = await officeForTest();
  await office.pay({ PayNote });
  expect((await office.entries())[0].payment_id).toBe(named ? '123e4567e89b12d3a456426614174001' : null);
});

test('a note is cleaned: line ends, long white space, NUL, symbols and emoji', async () => {
  const office = await officeForTest();
  const PayNote = `a\nb\r\nc\rd${' '.repeat(100)}e\u0000f ☎ 😀 Zoë 支付`;
  const row = (await office.pay({ PayNote })).json();
  expect(row.PayNote).toBe('a\r\nb\r\nc\r\nd ef \ufffd \ufffd Zoë 支付');
});
