import { expect, test } from 'vitest';
import { goodNotice, KEY, r4ForTest } from '../../testing/notice.ts';

const CONDITION = { 'if-none-exist': `identifier=urn:emr-payments:payment-id|${KEY}` };

test('a create answers 201 with a Location, and the ledger has every field', async () => {
  const { create, get, app } = await r4ForTest();
  const made = await create(goodNotice);
  expect(made.statusCode).toBe(201);
  expect(made.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
  const { id } = made.json();
  expect(made.headers.location).toMatch(new RegExp(`/fhir/r4/PaymentNotice/${id}/_history/1$`));
  expect((await get(`/PaymentNotice/${id}`)).json()).toMatchObject({ ...goodNotice, id });
  expect((await app.inject('/sandbox/ledger')).json().entries).toMatchObject([
    {
      emr_transaction_id: id,
      payment_id: KEY,
      patient_mrn: 'MRN-12345',
      amount: 350,
      payment_method: 'Card',
      reference_number: '#123456',
      location: null,
      notes: 'Patient copay collected at front desk',
      deposit_date: '2026-06-15',
      dialect: 'fhir-r4',
    },
  ]);
});

test('an extension can name the location, and disposition is the note where there is no processNote', async () => {
  const { create, app } = await r4ForTest();
  const [{ processNote: _, ...payment }] = goodNotice.contained as [(typeof goodNotice.contained)[0]];
  const location = {
    url: 'https://emr.example/location',
    valueReference: { reference: 'Location/loc-river' },
  };
  await create({ ...goodNotice, contained: [payment], extension: [...goodNotice.extension, location] });
  expect((await app.inject('/sandbox/ledger')).json().entries).toMatchObject([
    { location: '1405', notes: 'Copay' },
  ]);
});

test('If-None-Exist: of 40 creates at the same time one is new, and all answers name it', async () => {
  const { create, ledger } = await r4ForTest();
  const answers = await Promise.all(Array.from({ length: 40 }, () => create(goodNotice, CONDITION)));
  expect(answers.filter(({ statusCode }) => statusCode === 201)).toHaveLength(1);
  expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(39);
  expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
  expect(ledger.size()).toBe(1);
});

test('If-None-Exist: request narrows, several matches are 412, other parameters are refused', async () => {
  const { create, ledger } = await r4ForTest();
  const narrowed = { 'if-none-exist': `${CONDITION['if-none-exist']}&request=Patient/pat-1002` };
  await create(goodNotice, CONDITION);
  const other = { ...goodNotice, request: { reference: 'Patient/pat-1002' } };
  expect((await create(other, narrowed)).statusCode).toBe(201);
  expect((await create(other, narrowed)).statusCode).toBe(200);
  const several = await create(goodNotice, CONDITION);
  expect([several.statusCode, several.json().issue[0].code]).toEqual([412, 'multiple-matches']);
  for (const condition of ['', '_id=1', 'status=active', `identifier=${KEY}&_tag=a`, 'identifier=']) {
    expect((await create(goodNotice, { 'if-none-exist': condition })).statusCode, condition).toBe(400);
  }
  expect(ledger.size()).toBe(2);
});

test('If-None-Exist is ignored without the capability', async () => {
  const capabilities = { conditional_create: false, search: true, books_closed_before: null };
  const { create, ledger } = await r4ForTest({ capabilities });
  await create(goodNotice, CONDITION);
  await create(goodNotice, CONDITION);
  expect(ledger.size()).toBe(2);
});

test('return=minimal answers without a body', async () => {
  const { create } = await r4ForTest();
  const made = await create(goodNotice, { prefer: 'return=minimal' });
  expect([made.statusCode, made.body]).toEqual([201, '']);
  expect(made.headers.location).toBeDefined();
});

const without = (element: string) =>
  Object.fromEntries(Object.entries(goodNotice).filter(([name]) => name !== element));
const payment = (change: object) => ({
  ...goodNotice,
  contained: goodNotice.contained.map((each) => ({ ...each, ...change })),
});
const both = (change: { date?: string; amount?: object }) => ({
  ...payment({
    ...(change.date === undefined ? {} : { paymentDate: change.date }),
    ...(change.amount === undefined ? {} : { paymentAmount: change.amount }),
  }),
  ...(change.date === undefined ? {} : { paymentDate: change.date }),
  ...(change.amount === undefined ? {} : { amount: change.amount }),
});

test.each<[string, unknown, number, string]>([
  // R4 demands these of a PaymentNotice.
  ['no status', without('status'), 400, 'required'],
  ['no created', without('created'), 400, 'required'],
  ['no payment', without('payment'), 400, 'required'],
  ['no recipient', without('recipient'), 400, 'required'],
  ['no amount', without('amount'), 400, 'required'],
  ["Canvas's payment:{}", { ...goodNotice, payment: {} }, 400, 'value'],
  ["Canvas's recipient:{}", { ...goodNotice, recipient: {} }, 400, 'value'],
  ['a status of another resource', { ...goodNotice, status: 'final' }, 400, 'value'],
  ['created without a zone', { ...goodNotice, created: '2026-06-15T10:30:00' }, 400, 'value'],
  ['a day that is none', { ...goodNotice, paymentDate: '2026-02-30' }, 400, 'value'],
  ['an element of R5', { ...goodNotice, reporter: { reference: 'Organization/practice' } }, 400, 'structure'],
  ['an element that Object has', { ...goodNotice, constructor: 'a' }, 400, 'structure'],
  ['an empty amount', { ...goodNotice, amount: {} }, 400, 'value'],
  ['null', { ...goodNotice, provider: null }, 400, 'value'],
  ['an empty list', { ...goodNotice, identifier: [] }, 400, 'value'],
  ['an identifier that is a number', { ...goodNotice, identifier: [{ value: 7 }] }, 400, 'value'],
  ['a control character', { ...goodNotice, identifier: [{ value: 'a\u0000b' }] }, 400, 'value'],
  ['an amount that is text', { ...goodNotice, amount: { value: '350', currency: 'USD' } }, 400, 'value'],
  ['a Quantity as amount', { ...goodNotice, amount: { value: 350, unit: 'USD' } }, 400, 'structure'],
  [
    'a recipient of another type',
    { ...goodNotice, recipient: { reference: 'Patient/pat-1001' } },
    400,
    'value',
  ],
  ['a reference without a type', { ...goodNotice, recipient: { reference: 'practice' } }, 400, 'value'],
  ['an extension without url', { ...goodNotice, extension: [{ valueString: 'Card' }] }, 400, 'required'],
  ['an extension without value', { ...goodNotice, extension: [{ url: 'urn:a' }] }, 400, 'value'],
  [
    'two values',
    { ...goodNotice, extension: [{ url: 'u', valueCode: 'a', valueString: 'b' }] },
    400,
    'value',
  ],
  // The contained PaymentReconciliation.
  [
    'a contained Patient',
    { ...goodNotice, contained: [{ resourceType: 'Patient', id: 'payment' }] },
    400,
    'value',
  ],
  [
    'contained without an id',
    { ...goodNotice, contained: [{ ...goodNotice.contained[0], id: undefined }] },
    400,
    'value',
  ],
  [
    'contained that nothing refers to',
    { ...goodNotice, payment: { reference: 'PaymentReconciliation/1' } },
    400,
    'value',
  ],
  ['a reference to nothing', { ...goodNotice, payment: { reference: '#other' } }, 400, 'value'],
  ['contained with a version', payment({ meta: { versionId: '1' } }), 400, 'value'],
  ['contained in contained', payment({ contained: [goodNotice.contained[0]] }), 400, 'structure'],
  ['no paymentDate in it', payment({ paymentDate: undefined }), 400, 'required'],
  ['no paymentAmount in it', payment({ paymentAmount: undefined }), 400, 'required'],
  ['no status in it', payment({ status: undefined }), 400, 'required'],
  ['an outcome of none', payment({ outcome: 'done' }), 400, 'value'],
  ['a method in it, as in R5', payment({ method: { text: 'Card' } }), 400, 'structure'],
  [
    'a Patient as paymentIssuer, as in R5',
    payment({ paymentIssuer: { reference: 'Patient/pat-1001' } }),
    400,
    'value',
  ],
  ['a detail without type', payment({ detail: [{ date: '2026-06-15' }] }), 400, 'required'],
  // The practice's rules.
  ['a cancelled payment', { ...goodNotice, status: 'cancelled' }, 422, 'business-rule'],
  ['amounts that differ', { ...goodNotice, amount: { value: 351, currency: 'USD' } }, 422, 'business-rule'],
  ['nothing', both({ amount: { value: 0, currency: 'USD' } }), 422, 'business-rule'],
  ['a fraction of a cent', both({ amount: { value: 1.005, currency: 'USD' } }), 422, 'business-rule'],
  ['euros', both({ amount: { value: 1, currency: 'EUR' } }), 422, 'business-rule'],
  ['no currency', both({ amount: { value: 350 } }), 422, 'business-rule'],
  ['days that differ', { ...goodNotice, paymentDate: '2026-06-16' }, 422, 'business-rule'],
  ['a month', both({ date: '2026-06' }), 422, 'business-rule'],
  ['a closed period', both({ date: '2019-12-31' }), 422, 'business-rule'],
  ['no patient', without('request'), 422, 'required'],
  ['an encounter', { ...goodNotice, request: { reference: 'Encounter/1' } }, 422, 'required'],
  ['an unknown patient', { ...goodNotice, request: { reference: 'Patient/no' } }, 422, 'not-found'],
  ['an unknown recipient', { ...goodNotice, recipient: { reference: 'Organization/no' } }, 422, 'not-found'],
  [
    'an unknown method',
    { ...goodNotice, extension: [{ url: 'x/payment-method', valueString: 'Gold' }] },
    422,
    'code-invalid',
  ],
  [
    'an unknown location',
    { ...goodNotice, extension: [{ url: 'x/location', valueString: '9' }] },
    422,
    'not-found',
  ],
  [
    'a payment that is elsewhere',
    { ...without('contained'), payment: { reference: 'PaymentReconciliation/1' } },
    422,
    'not-found',
  ],
  // No PaymentNotice at all.
  ['another resource', { ...goodNotice, resourceType: 'PaymentReconciliation' }, 400, 'value'],
  ['a list', [], 400, 'value'],
  ['half a body', '{"resourceType":', 400, 'structure'],
  ['too long a body', `"${'x'.repeat(300_000)}"`, 413, 'structure'],
])('%s is refused and leaves no entry', async (_name, body, status, code) => {
  const { create, ledger } = await r4ForTest({
    capabilities: { conditional_create: true, search: true, books_closed_before: '2020-01-01' },
  });
  const answer = await create(body);
  expect([answer.statusCode, answer.json().resourceType, answer.json().issue[0].code]).toEqual([
    status,
    'OperationOutcome',
    code,
  ]);
  expect(ledger.size()).toBe(0);
});

test('a form is refused', async () => {
  const { create } = await r4ForTest();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await create('status=active', headers)).statusCode).toBe(415);
});
