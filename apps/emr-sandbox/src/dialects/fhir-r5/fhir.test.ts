import { expect, test } from 'vitest';
import { goodPayment, sandboxForTest } from '../../testing/sandbox.ts';

const KEY = 'identifier=urn:emr-payments:payment-id|123e4567e89b12d3a456426614174001';

test('create answers 201 with a Location that can be read', async () => {
  const { app, create } = await sandboxForTest();
  const made = await create(goodPayment);
  expect(made.statusCode).toBe(201);
  expect(made.headers['content-type']).toBe('application/fhir+json; charset=utf-8');
  const { id } = made.json();
  expect(made.headers.location).toMatch(new RegExp(`/fhir/PaymentReconciliation/${id}/_history/1$`));
  const read = await app.inject(`/fhir/PaymentReconciliation/${id}`);
  expect(read.json()).toMatchObject({ ...goodPayment, id, meta: { versionId: '1' } });
});

test('return=minimal answers without a body', async () => {
  const { create } = await sandboxForTest();
  const made = await create(goodPayment, { prefer: 'return=minimal' });
  expect([made.statusCode, made.body]).toEqual([201, '']);
  expect(made.headers.location).toBeDefined();
});

test('If-None-Exist: of 40 creates at the same time one is new, and all answers name it', async () => {
  const { create, ledger } = await sandboxForTest();
  const answers = await Promise.all(
    Array.from({ length: 40 }, () => create(goodPayment, { 'if-none-exist': KEY })),
  );
  const statuses = answers.map(({ statusCode }) => statusCode);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status === 200)).toHaveLength(39);
  expect(new Set(answers.map(({ headers }) => headers.location)).size).toBe(1);
  expect(ledger.size()).toBe(1);
});

test('If-None-Exist with several matches is 412', async () => {
  const { create } = await sandboxForTest();
  await create(goodPayment);
  await create(goodPayment);
  const third = await create(goodPayment, { 'if-none-exist': encodeURI(KEY) });
  expect([third.statusCode, third.json().issue[0].code]).toEqual([412, 'multiple-matches']);
});

test('If-None-Exist is ignored without the capability', async () => {
  const { app, create, ledger } = await sandboxForTest();
  await app.inject({ method: 'PUT', url: '/sandbox/capabilities', body: { conditional_create: false } });
  await create(goodPayment, { 'if-none-exist': KEY });
  await create(goodPayment, { 'if-none-exist': KEY });
  expect(ledger.size()).toBe(2);
});

const without = (element: string) =>
  Object.fromEntries(Object.entries(goodPayment).filter(([name]) => name !== element));

test.each([
  [without('type'), 400, 'required', 'type'],
  [without('status'), 400, 'required', 'status'],
  [without('created'), 400, 'required', 'created'],
  [without('date'), 400, 'required', 'date'],
  [without('amount'), 400, 'required', 'amount'],
  [{ ...goodPayment, status: 'done' }, 400, 'value', 'status'],
  [{ ...goodPayment, created: 'today' }, 400, 'value', 'created'],
  [{ ...goodPayment, date: '2026-02-30' }, 400, 'value', 'date'],
  [{ ...goodPayment, amount: { value: '350' } }, 400, 'value', 'amount.value'],
  [{ ...goodPayment, amount: { value: 0 } }, 400, 'value', 'amount.value'],
  [{ ...goodPayment, amount: { value: 1.005 } }, 400, 'value', 'amount.value'],
  [{ ...goodPayment, amount: { value: 1, currency: 'EUR' } }, 422, 'business-rule', 'amount.currency'],
  [{ ...goodPayment, identifier: [{ value: 7 }] }, 400, 'value', 'identifier'],
  [{ ...goodPayment, referenceNumber: 7 }, 400, 'value', 'referenceNumber'],
  [{ ...goodPayment, processNote: 'paid' }, 400, 'value', 'processNote'],
  [{ ...goodPayment, date: '2019-12-31' }, 422, 'business-rule', 'date'],
  [without('paymentIssuer'), 422, 'required', 'paymentIssuer'],
  [{ ...goodPayment, paymentIssuer: { reference: 'Patient/no' } }, 422, 'not-found', 'paymentIssuer'],
  [
    { ...goodPayment, paymentIssuer: { reference: 'Organization/pat-1001' } },
    422,
    'required',
    'paymentIssuer',
  ],
  [{ ...goodPayment, method: { coding: [{ code: 'GOLD' }] } }, 422, 'code-invalid', 'method'],
  [{ ...goodPayment, method: { text: 'Card' } }, 422, 'code-invalid', 'method'],
  [{ ...goodPayment, location: { reference: 'Location/no' } }, 422, 'not-found', 'location'],
])('a bad payment %# is refused and leaves no entry', async (body, status, code, element) => {
  const { create, ledger } = await sandboxForTest({
    capabilities: { conditional_create: true, search: true, books_closed_before: '2020-01-01' },
  });
  const answer = await create(body);
  expect(answer.json()).toMatchObject({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, expression: [`PaymentReconciliation.${element}`] }],
  });
  expect(answer.statusCode).toBe(status);
  expect(ledger.size()).toBe(0);
});

test.each([
  ['{"resourceType":', 400],
  ['[]', 400],
  ['', 400],
  [JSON.stringify({ resourceType: 'Patient' }), 400],
  [`"${'x'.repeat(300_000)}"`, 413],
])(
  'a body that is no PaymentReconciliation %# is answered with an OperationOutcome',
  async (body, status) => {
    const { app } = await sandboxForTest();
    const headers = { 'content-type': 'application/fhir+json' };
    const answer = await app.inject({ method: 'POST', url: '/fhir/PaymentReconciliation', headers, body });
    expect(answer.statusCode).toBe(status);
    expect(answer.json().resourceType).toBe('OperationOutcome');
  },
);

type Page = {
  entry: { resource: { identifier: { value: string }[] } }[];
  link: { relation: string; url: string }[];
};

test('a search finds an identifier, and pages lead to every posting', async () => {
  const { app, create } = await sandboxForTest();
  for (let number = 0; number < 5; number += 1) {
    await create({ ...goodPayment, identifier: [{ system: 's', value: `p${number}` }] });
  }
  const found = (await app.inject('/fhir/PaymentReconciliation?identifier=s%7Cp3')).json();
  expect(found).toMatchObject({
    type: 'searchset',
    total: 1,
    entry: [{ resource: { identifier: [{ value: 'p3' }] } }],
  });
  const none = (await app.inject('/fhir/PaymentReconciliation?identifier=s%7Cp9')).json();
  expect([none.total, none.entry]).toEqual([0, undefined]);

  const values: string[] = [];
  let next: string | undefined = '/fhir/PaymentReconciliation?_count=2&_lastUpdated=ge2020-01-01T00:00:00Z';
  while (next !== undefined) {
    const page: Page = (await app.inject(next)).json();
    values.push(...page.entry.map(({ resource }) => resource.identifier[0]?.value ?? ''));
    next = page.link.find(({ relation }) => relation === 'next')?.url;
  }
  expect(values).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
  const later = (await app.inject('/fhir/PaymentReconciliation?_lastUpdated=gt2999-01-01T00:00:00Z')).json();
  expect(later.total).toBe(0);
});

test.each([
  '/fhir/PaymentReconciliation?patient=1',
  '/fhir/PaymentReconciliation?identifier=a&identifier=b',
  '/fhir/PaymentReconciliation?_count=many',
  '/fhir/PaymentReconciliation?_lastUpdated=yesterday',
  '/fhir/Patient?name=Ada',
])('%s is refused instead of ignored', async (url) => {
  const { app } = await sandboxForTest();
  expect((await app.inject(url)).statusCode).toBe(400);
});

test.each([
  ['/fhir/Patient?identifier=MRN-12345', 'pat-1001'],
  ['/fhir/Patient?identifier=urn:emr-payments:mrn%7CMRN-12345', 'pat-1001'],
  ['/fhir/Location?identifier=1404', 'loc-main'],
  ['/fhir/Location?_id=loc-main', 'loc-main'],
  ['/fhir/CodeSystem?url=urn:emr-payments:payment-method', 'payment-methods'],
  ['/fhir/ValueSet?url=urn:emr-payments:payment-methods', 'payment-methods'],
])('%s finds %s', async (url, id) => {
  const { app } = await sandboxForTest();
  expect((await app.inject(url)).json()).toMatchObject({ total: 1, entry: [{ resource: { id } }] });
});

test.each([
  '/fhir/ValueSet/$expand?url=urn:emr-payments:payment-methods',
  '/fhir/ValueSet/payment-methods/$expand',
])('%s lists the methods', async (url) => {
  const { app } = await sandboxForTest();
  const { contains } = (await app.inject(url)).json().expansion;
  expect(contains.map(({ display }: { display: string }) => display).slice(0, 4)).toEqual([
    'Card',
    'Cash',
    'Check',
    'Patient Portal',
  ]);
});

test('a posting can name a patient that was PUT', async () => {
  const { app, create } = await sandboxForTest();
  const patient = { resourceType: 'Patient', id: 'new-1', identifier: [{ value: 'MRN-9' }] };
  expect((await app.inject({ method: 'PUT', url: '/fhir/Patient/new-1', body: patient })).statusCode).toBe(
    200,
  );
  expect((await create({ ...goodPayment, paymentIssuer: { reference: 'Patient/new-1' } })).statusCode).toBe(
    201,
  );
  expect((await app.inject({ method: 'PUT', url: '/fhir/Patient/other', body: patient })).statusCode).toBe(
    400,
  );
  expect((await app.inject({ method: 'PUT', url: '/fhir/Location/new-1', body: patient })).statusCode).toBe(
    400,
  );
});

test('metadata follows the capabilities', async () => {
  const { app } = await sandboxForTest({
    capabilities: { conditional_create: false, search: false, books_closed_before: null },
  });
  const statement = (await app.inject('/fhir/metadata')).json();
  expect(statement).toMatchObject({ resourceType: 'CapabilityStatement', fhirVersion: '5.0.0' });
  const [payments] = statement.rest[0].resource;
  expect(payments).toMatchObject({
    conditionalCreate: false,
    interaction: [{ code: 'create' }, { code: 'read' }],
  });
  expect(payments).not.toHaveProperty('searchParam');
  expect((await app.inject('/fhir/PaymentReconciliation?identifier=x')).statusCode).toBe(400);
});

test('a token is needed for FHIR, but not for metadata and health', async () => {
  const { app, create } = await sandboxForTest({ token: 'sesame' });
  expect((await create(goodPayment)).statusCode).toBe(401);
  expect((await create(goodPayment, { authorization: 'Bearer wrong' })).json().issue[0].code).toBe('login');
  expect((await create(goodPayment, { authorization: 'Bearer sesame' })).statusCode).toBe(201);
  expect((await app.inject('/fhir/metadata')).statusCode).toBe(200);
  expect((await app.inject('/health/live')).json()).toEqual({ status: 'live' });
});
