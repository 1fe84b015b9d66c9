import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';

const CLIENT = { grant_type: 'client_credentials', client_id: 'app', client_secret: 'sesame' };
/** The example of https://docs.canvasmedical.com/api/paymentnotice. */
const example = {
  resourceType: 'PaymentNotice',
  status: 'active',
  request: { reference: 'Patient/pat-1001' },
  created: '2023-09-12',
  payment: {},
  recipient: {},
  amount: { value: 10.0, currency: 'USD' },
};

async function canvasForTest() {
  const sandbox = await sandboxForTest({ token: 'sesame' });
  const token = (fields: Record<string, string>, url = '/canvas/auth/token/') =>
    sandbox.app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    });
  const { access_token } = (await token(CLIENT)).json();
  const authorization = `Bearer ${access_token}`;
  const create = (body: unknown, headers: Record<string, string> = {}) =>
    sandbox.app.inject({
      method: 'POST',
      url: '/canvas/PaymentNotice',
      headers: { authorization, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const call = (method: 'GET' | 'PUT' | 'DELETE', url: string, headers: Record<string, string> = {}) =>
    sandbox.app.inject({ method, url: `/canvas${url}`, headers: { authorization, ...headers } });
  return { ...sandbox, token, create, call };
}

test("the page's example makes an entry: 201, the body null, a Location, and nothing else of ours is kept", async () => {
  const { create, app } = await canvasForTest();
  const made = await create(example);
  expect([made.statusCode, made.body, made.headers['content-type']]).toEqual([
    201,
    'null',
    'application/json; charset=utf-8',
  ]);
  const [entry] = (await app.inject('/sandbox/ledger')).json().entries;
  expect(made.headers.location).toMatch(new RegExp(`/canvas/PaymentNotice/${entry.emr_transaction_id}/`));
  expect(entry).toMatchObject({
    payment_id: null,
    patient_mrn: 'MRN-12345',
    amount: 10,
    payment_method: null,
    reference_number: null,
    location: null,
    notes: null,
    deposit_date: null,
    dialect: 'canvas',
  });
});

test('any currency is taken as US dollars without a word', async () => {
  const { create, call } = await canvasForTest();
  expect((await create({ ...example, amount: { value: 5, currency: 'EUR' } })).statusCode).toBe(201);
  const [{ resource }] = (await call('GET', '/PaymentNotice?request=Patient%2Fpat-1001')).json().entry;
  expect(resource.amount).toEqual({ value: 5, currency: 'USD' });
});

const without = (element: string) =>
  Object.fromEntries(Object.entries(example).filter(([name]) => name !== element));

test.each<[string, unknown, number, string]>([
  ...Object.keys(example).map(
    (name) => [`no ${name}`, without(name), 400, 'invalid'] satisfies [string, unknown, number, string],
  ),
  ['another status', { ...example, status: 'cancelled' }, 400, 'invalid'],
  ['a payment that is not empty', { ...example, payment: { reference: '#a' } }, 400, 'invalid'],
  ['a recipient that is not empty', { ...example, recipient: { display: 'a' } }, 400, 'invalid'],
  ['an identifier', { ...example, identifier: [{ value: 'a' }] }, 400, 'invalid'],
  ['a contained resource', { ...example, contained: [] }, 400, 'invalid'],
  ['a paymentDate', { ...example, paymentDate: '2023-09-12' }, 400, 'invalid'],
  ['created that is no datetime', { ...example, created: 'today' }, 400, 'invalid'],
  ['an amount that is text', { ...example, amount: { value: '10', currency: 'USD' } }, 400, 'invalid'],
  ['an amount without currency', { ...example, amount: { value: 10 } }, 400, 'invalid'],
  ['a negative amount', { ...example, amount: { value: -10, currency: 'USD' } }, 422, 'business-rule'],
  ['a fraction of a cent', { ...example, amount: { value: 1.005, currency: 'USD' } }, 422, 'business-rule'],
  ['another request', { ...example, request: { reference: 'Claim/1' } }, 400, 'invalid'],
  ['an unknown patient', { ...example, request: { reference: 'Patient/no' } }, 422, 'business-rule'],
  ['a list', [example], 400, 'invalid'],
  ['null', 'null', 400, 'invalid'],
  ['half a body', '{', 400, 'invalid'],
])('%s is refused and leaves no entry', async (_name, body, status, code) => {
  const { create, ledger } = await canvasForTest();
  const answer = await create(body);
  expect([answer.statusCode, answer.json().resourceType, answer.json().issue[0].code]).toEqual([
    status,
    'OperationOutcome',
    code,
  ]);
  expect(ledger.size()).toBe(0);
});

test.each(['if-none-exist', 'if-unmodified-since'])('a create with %s is refused', async (name) => {
  const { create, ledger } = await canvasForTest();
  expect((await create(example, { [name]: 'identifier=a' })).statusCode).toBe(400);
  expect(ledger.size()).toBe(0);
});

test('a body that is no JSON by its type is refused', async () => {
  const { create } = await canvasForTest();
  for (const type of ['application/fhir+json', 'text/plain', 'application/x-www-form-urlencoded']) {
    expect((await create(JSON.stringify(example), { 'content-type': type })).statusCode, type).toBe(400);
  }
});

test('a payment above the balance is refused, and every payment lessens the balance', async () => {
  const { app, create, ledger } = await canvasForTest();
  await create(example);
  await app.inject({ method: 'PUT', url: '/sandbox/capabilities', body: { patient_owes: 25 } });
  expect((await create({ ...example, amount: { value: 15.01, currency: 'USD' } })).statusCode).toBe(422);
  expect((await create({ ...example, amount: { value: 15, currency: 'USD' } })).statusCode).toBe(201);
  expect((await create({ ...example, amount: { value: 0.01, currency: 'USD' } })).statusCode).toBe(422);
  const other = { ...example, request: { reference: 'Patient/pat-1002' } };
  expect((await create(other)).statusCode).toBe(201);
  expect(ledger.size()).toBe(3);
});

test('a search gives the payments of one patient in pages, without anything that the sender said', async () => {
  const { create, call } = await canvasForTest();
  for (const value of [1, 2, 3]) await create({ ...example, amount: { value, currency: 'USD' } });
  await create({ ...example, request: { reference: 'Patient/pat-1002' } });
  const first = (await call('GET', '/PaymentNotice?request=Patient/pat-1001&_count=2')).json();
  expect([first.total, first.entry.length]).toEqual([3, 2]);
  expect(first.entry[0].resource).toEqual({
    resourceType: 'PaymentNotice',
    id: expect.any(String),
    status: 'active',
    request: { reference: 'Patient/pat-1001', type: 'Patient' },
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/),
    payment: { display: 'Unused' },
    recipient: { display: 'Unused' },
    amount: { value: 1, currency: 'USD' },
    paymentStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/paymentstatus', code: 'paid' }],
    },
  });
  const next = first.link.find(({ relation }: { relation: string }) => relation === 'next').url;
  const second = (await call('GET', next)).json();
  expect(second.entry.map(({ resource }: { resource: typeof example }) => resource.amount.value)).toEqual([
    3,
  ]);
  const none = (await call('GET', '/PaymentNotice?request=Patient/pat-1003')).json();
  expect([none.total, none.entry]).toEqual([0, undefined]);
  for (const query of ['', '?request=1', '?request=Patient/a&identifier=b', '?request=Patient/a&_count=x']) {
    expect((await call('GET', `/PaymentNotice${query}`)).statusCode, query).toBe(400);
  }
});

test('payments can be created and searched, and nothing else', async () => {
  const { create, call } = await canvasForTest();
  const { location = '' } = (await create(example)).headers;
  const [id] = String(location).split('/').slice(-3);
  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    const answer = await call(method, `/PaymentNotice/${id}`);
    expect([answer.statusCode, answer.json().issue[0].code], method).toEqual([405, 'not-supported']);
  }
  expect((await call('DELETE', '/PaymentNotice')).statusCode).toBe(405);
});

test('only tokens of the token endpoint are taken', async () => {
  const { app, token } = await canvasForTest();
  for (const authorization of [undefined, 'Bearer sesame', 'Basic a', 'Bearer']) {
    const answer = await app.inject({
      url: '/canvas/PaymentNotice?request=Patient/pat-1001',
      headers: authorization === undefined ? {} : { authorization },
    });
    expect([answer.statusCode, answer.json().issue[0]]).toEqual([
      401,
      { severity: 'error', code: 'unknown', details: { text: 'Authentication failed' } },
    ]);
  }
  expect((await token(CLIENT)).json()).toMatchObject({ expires_in: 36_000, token_type: 'Bearer' });
  const bad: [Record<string, string>, number, string][] = [
    [{ ...CLIENT, client_secret: 'guess' }, 401, 'invalid_client'],
    [{ grant_type: 'client_credentials', client_id: 'app' }, 401, 'invalid_client'],
    [{ grant_type: 'client_credentials', client_secret: 'sesame' }, 401, 'invalid_client'],
    [{ ...CLIENT, grant_type: 'password' }, 400, 'unsupported_grant_type'],
  ];
  for (const [fields, status, error] of bad) {
    const answer = await token(fields);
    expect([answer.statusCode, answer.json().error]).toEqual([status, error]);
  }
  const slashless = await token(CLIENT, '/canvas/auth/token');
  expect(slashless.statusCode).toBe(404);
});

test('a scripted error is in its words: a server error has the code that the page spells so', async () => {
  const { app, create } = await canvasForTest();
  const script = (fault: object) => app.inject({ method: 'POST', url: '/sandbox/faults', body: fault });
  await script({ kind: 'commit_then_500', count: 1, match: { resource: 'PaymentNotice' } });
  const failed = await create(example);
  expect([failed.statusCode, failed.json().issue[0].code]).toEqual([500, 'excepetion']);
  await script({
    kind: 'too_many_requests',
    retry_after_seconds: 9,
    count: 1,
    match: { resource: 'PaymentNotice' },
  });
  const throttled = await create(example);
  expect([throttled.statusCode, throttled.headers['retry-after']]).toEqual([429, '9']);
  expect((await app.inject('/sandbox/ledger')).json().count).toBe(1);
});
