import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { drchrono } from './dialect.ts';

const FORM = 'application/x-www-form-urlencoded';
const PATH = '/drchrono/api/patient_payments';
const ID = '123e4567e89b12d3a456426614174001';
const payment = {
  patient: 1,
  amount: 350.1,
  payment_method: 'CRDT',
  trace_number: '#123456',
  notes: `[emr-payments:${ID}] Copay`,
  received_date: '2026-06-15',
};

type Options = Parameters<typeof sandboxForTest>[0];

async function connected({
  scope,
  prefix = '/drchrono',
  ...options
}: Options & { scope?: string; prefix?: string } = {}) {
  const sandbox = await sandboxForTest({ dialects: [drchrono], token: 'first-refresh', ...options });
  const { app } = sandbox;
  const tokens = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.inject({
      method: 'POST',
      url: `${prefix}/o/token/`,
      headers: { 'content-type': FORM, ...headers },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'app-1',
        client_secret: 's3cret',
        refresh_token: options.token ?? 'first-refresh',
        ...(scope === undefined ? {} : { scope }),
        ...fields,
      }).toString(),
    });
  const { access_token, refresh_token } = (await tokens({})).json();
  const authorization = `Bearer ${access_token}`;
  const call = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body?: unknown) =>
    app.inject({
      method,
      url,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const post = (change: object = {}) => call('POST', PATH, { ...payment, ...change });
  return { ...sandbox, tokens, refresh_token, authorization, call, post };
}

test('a payment is created, read by id, and in the ledger with the id of its marker', async () => {
  const { post, call, app } = await connected();
  const created = await post();
  expect([created.statusCode, created.json()]).toEqual([
    201,
    {
      id: 13_969_262,
      ...payment,
      doctor: null,
      appointment: null,
      line_item: null,
      payment_transaction_type: '',
      posted_date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
      updated_at: expect.any(String),
      created_by: '7',
    },
  ]);
  expect((await call('GET', `${PATH}/13969262`)).json()).toEqual(created.json());
  expect((await app.inject('/sandbox/ledger')).json().entries[0]).toMatchObject({
    emr_transaction_id: '13969262',
    payment_id: ID,
    patient_id: 'pat-1001',
    amount: 350.1,
    payment_method: 'Credit Card',
    reference_number: '#123456',
    location: null,
    notes: payment.notes,
    deposit_date: '2026-06-15',
    dialect: 'drchrono',
  });
});

test('a form makes the same payment as JSON', async () => {
  const { app, authorization } = await connected();
  const form = new URLSearchParams({ ...payment, patient: '1', amount: '350.1' });
  const answer = await app.inject({
    method: 'POST',
    url: PATH,
    headers: { authorization, 'content-type': FORM },
    body: form.toString(),
  });
  expect([answer.statusCode, answer.json()]).toMatchObject([201, payment]);
});

test.each([
  ['in the middle of the notes', `Copay [emr-payments:${ID}]`],
  ['of another form', `[emr-payments:${ID.toUpperCase()}]`],
  ['that is too short', `[emr-payments:${ID.slice(1)}]`],
])('a marker %s is none', async (_name, notes) => {
  const { post, ledger } = await connected();
  await post({ notes });
  expect(ledger.entries[0]?.posting.paymentId).toBeNull();
});

test.each([
  ['no patient', { patient: undefined }, { patient: ['This field is required.'] }],
  ['an unknown patient', { patient: 99 }, { patient: ['Invalid pk "99" - object does not exist.'] }],
  [
    'a patient as text',
    { patient: '1' },
    { patient: ['Incorrect type. Expected pk value, received string.'] },
  ],
  ['no amount', { amount: undefined }, { amount: ['This field is required.'] }],
  ['an amount of zero', { amount: 0 }, { amount: ['Amount cannot be zero.'] }],
  ['a negative amount', { amount: -5 }, { amount: ['A payment cannot be negative.'] }],
  ['an amount as text', { amount: '350.10' }, { amount: ['A valid number is required.'] }],
  [
    'a fraction of a cent',
    { amount: 1.005 },
    { amount: ['Ensure that there are no more than 2 decimal places.'] },
  ],
  [
    'another method',
    { payment_method: 'credit_card' },
    { payment_method: ['"credit_card" is not a valid choice.'] },
  ],
  [
    'the method without a label',
    { payment_method: 'DRCP' },
    { payment_method: ['"DRCP" is not a valid choice.'] },
  ],
  [
    'another type',
    { payment_transaction_type: 'PAY' },
    { payment_transaction_type: ['"PAY" is not a valid choice.'] },
  ],
  ['an unknown doctor', { doctor: 5 }, { doctor: ['Invalid pk "5" - object does not exist.'] }],
  [
    'an unknown appointment',
    { appointment: 5 },
    { appointment: ['Invalid pk "5" - object does not exist.'] },
  ],
  ['an unknown line item', { line_item: 5 }, { line_item: ['Invalid pk "5" - object does not exist.'] }],
  [
    'a day in another form',
    { received_date: '06/15/2026' },
    { received_date: [expect.stringContaining('YYYY-MM-DD')] },
  ],
  [
    'a day that does not exist',
    { received_date: '2026-02-30' },
    { received_date: [expect.stringContaining('YYYY-MM-DD')] },
  ],
  [
    'a closed day',
    { received_date: '2019-12-31' },
    { received_date: ['The books are closed before 2020-01-01.'] },
  ],
  ['null notes', { notes: null }, { notes: ['This field may not be null.'] }],
  [
    'a field that does not exist',
    { payment_date: '2026-06-15' },
    { payment_date: ['There is no such field.'] },
  ],
  ['a field of the EMR', { posted_date: '2026-06-15' }, { posted_date: ['This field is read only.'] }],
])('%s is refused by field', async (_name, change, errors) => {
  const { post, ledger } = await connected({
    capabilities: { conditional_create: true, search: true, books_closed_before: '2020-01-01' },
  });
  const answer = await post(change);
  expect([answer.statusCode, answer.json()]).toEqual([400, errors]);
  expect(ledger.size()).toBe(0);
});

test('a refund may be negative', async () => {
  const { post } = await connected();
  expect((await post({ amount: -5, payment_transaction_type: 'REF' })).statusCode).toBe(201);
});

test.each([
  ['a list', [payment], 400, { non_field_errors: [expect.stringContaining('creates one payment for each')] }],
  ['a text', 'payment', 400, { non_field_errors: ['Invalid data. Expected a dictionary.'] }],
])('%s is refused', async (_name, body, status, answer) => {
  const { call, ledger } = await connected();
  const refused = await call('POST', PATH, body);
  expect([refused.statusCode, refused.json(), ledger.size()]).toEqual([status, answer, 0]);
});

test('another content type is refused', async () => {
  const { app, authorization } = await connected();
  const headers = { authorization, 'content-type': 'text/plain' };
  const answer = await app.inject({ method: 'POST', url: PATH, headers, body: 'x' });
  expect([answer.statusCode, answer.json()]).toEqual([
    415,
    { detail: 'Unsupported media type "text/plain" in request.' },
  ]);
});

test.each([
  ['PUT', PATH],
  ['PATCH', `${PATH}/13969262`],
  ['DELETE', `${PATH}/13969262`],
  ['POST', `${PATH}/13969262`],
] as const)('%s %s: a payment cannot be changed', async (method, url) => {
  const { call } = await connected();
  const answer = await call(method, url);
  expect([answer.statusCode, answer.json()]).toEqual([405, { detail: `Method "${method}" not allowed.` }]);
});

test.each([
  ['POST', `${PATH}/`, '/drchrono/api/patient_payments'],
  ['GET', `${PATH}/?patient=1`, '/drchrono/api/patient_payments?patient=1'],
  ['POST', '/drchrono/o/token', '/drchrono/o/token/'],
] as const)('%s %s is redirected, and does nothing', async (method, url, location) => {
  const { call, ledger } = await connected();
  const answer = await call(method, url, method === 'POST' ? payment : undefined);
  expect([answer.statusCode, answer.headers.location, ledger.size()]).toEqual([302, location, 0]);
});

test('a list has the rows of one patient, with a cursor to the next page', async () => {
  const { post, call } = await connected();
  for (const amount of [1, 2, 3]) await post({ amount });
  await post({ patient: 2 });
  const first = (await call('GET', `${PATH}?patient=1&page_size=2`)).json();
  expect(first).toMatchObject({ previous: null, results: [{ amount: 1 }, { amount: 2 }] });
  expect(first.next).toMatch(
    /^http:\/\/[^/]+\/drchrono\/api\/patient_payments\?patient=1&page_size=2&cursor=/,
  );
  const second = (await call('GET', new URL(first.next).pathname + new URL(first.next).search)).json();
  expect(second).toMatchObject({ next: null, results: [{ amount: 3 }] });
  expect((await call('GET', `${PATH}?cursor=x`)).statusCode).toBe(404);
});

test('a filter that the vendor does not have is ignored without a word', async () => {
  const { post, call } = await connected();
  await post();
  expect((await call('GET', `${PATH}?trace_number=nothing&notes=x`)).json().results).toHaveLength(1);
});

test('rows are chosen by since, posted_date and doctor', async () => {
  const { post, call } = await connected();
  const { created_at, posted_date } = (await post({ doctor: 1001 })).json();
  const count = async (query: string) => (await call('GET', `${PATH}?${query}`)).json().results?.length;
  expect(await count(`since=${created_at}`)).toBe(1);
  expect(await count('since=2999-01-01')).toBe(0);
  expect(await count(`posted_date=${posted_date}`)).toBe(1);
  expect(await count('posted_date=2000-01-01')).toBe(0);
  expect(await count('doctor=1001')).toBe(1);
  expect(await count('doctor=1002')).toBe(0);
  expect((await call('GET', `${PATH}?since=yesterday`)).statusCode).toBe(400);
  expect((await call('GET', `${PATH}?patient=me`)).statusCode).toBe(400);
});

test('a list shows a new row later, and the row itself is there at once', async () => {
  const { post, call, app } = await connected({ pace: { limits: 'raised', later_ms: 3_600_000 } });
  const { id } = (await post()).json();
  expect((await call('GET', `${PATH}?patient=1`)).json().results).toEqual([]);
  expect((await call('GET', `${PATH}/${id}`)).statusCode).toBe(200);
  await app.inject({ method: 'PUT', url: '/sandbox/pace', body: { later_ms: 0 } });
  expect((await call('GET', `${PATH}?patient=1`)).json().results).toHaveLength(1);
});

test('at the other prefix, a page has data in place of results', async () => {
  const { call } = await connected({ prefix: '/drchrono-data' });
  expect((await call('GET', '/drchrono-data/api/patient_payments')).json()).toEqual({
    previous: null,
    data: [],
    next: null,
  });
});

test('a patient is found by chart_id, exactly', async () => {
  const { call } = await connected();
  const results = async (id: string) =>
    (await call('GET', `/drchrono/api/patients?chart_id=${id}`)).json().results;
  expect(await results('MRN-12346')).toMatchObject([{ id: 2, chart_id: 'MRN-12346', last_name: 'Sample' }]);
  expect(await results('MRN-1234')).toEqual([]);
  expect((await call('GET', '/drchrono/api/patients/2')).json()).toMatchObject({ chart_id: 'MRN-12346' });
  expect((await call('GET', '/drchrono/api/patients/99')).statusCode).toBe(404);
});

test.each([
  ['patients:read', 'POST', PATH],
  ['patients:read', 'GET', PATH],
  ['billing:patient-payment:read', 'POST', PATH],
  ['billing:patient-payment:read', 'GET', '/drchrono/api/patients'],
] as const)('with the scope %s alone, %s %s is forbidden', async (scope, method, url) => {
  const { call, ledger } = await connected({ scope });
  const answer = await call(method, url, method === 'POST' ? payment : undefined);
  expect([answer.statusCode, ledger.size()]).toEqual([403, 0]);
});

test('without search, a list is forbidden', async () => {
  const capabilities = { conditional_create: false, search: false, books_closed_before: null };
  const { call } = await connected({ capabilities });
  expect((await call('GET', PATH)).statusCode).toBe(403);
});

test('a scripted wait is in the text of a 429, and in no header', async () => {
  const { app, post } = await connected();
  await app.inject({
    method: 'POST',
    url: '/sandbox/faults',
    body: { kind: 'too_many_requests', retry_after_seconds: 7 },
  });
  const answer = await post();
  expect([answer.statusCode, answer.headers['retry-after'], answer.json()]).toEqual([
    429,
    undefined,
    { detail: 'Request was throttled. Expected available in 7 seconds.' },
  ]);
});

test.each([
  ['/drchrono', 7, 1],
  ['/drchrono-data', '7', '1'],
])('at %s, current redirects to the user who has logged in, of any scope', async (prefix, id, group) => {
  const { call } = await connected({ prefix, scope: 'patients:read' });
  const current = await call('GET', `${prefix}/api/users/current`);
  const { location } = current.headers;
  expect([current.statusCode, location]).toEqual([302, expect.stringMatching(/^http.*\/api\/users\/7$/)]);
  const user = await call('GET', new URL(String(location)).pathname);
  expect(user.json()).toMatchObject({ id, practice_group: group, is_staff: true });
  expect((await call('GET', `${prefix}/api/users/8`)).statusCode).toBe(404);
  const { app } = await sandboxForTest({ dialects: [drchrono] });
  expect((await app.inject(`${prefix}/api/users/current`)).statusCode).toBe(401);
});

test("another practice's login is its user's, and sees its own payments only", async () => {
  const { app, tokens, post, call } = await connected();
  const first = (await post()).json();
  const consent = await app.inject({
    method: 'POST',
    url: '/sandbox/drchrono/authorizations',
    body: { client_id: 'app-1', practice_group: 2 },
  });
  const { access_token } = (await tokens({ refresh_token: consent.json().refresh_token })).json();
  const headers = { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' };
  const get = (url: string) => app.inject({ url, headers });
  expect((await get('/drchrono/api/users/8')).json()).toMatchObject({ id: 8, practice_group: 2 });
  expect((await get(PATH)).json().results).toEqual([]);
  expect((await get(`${PATH}/${first.id}`)).statusCode).toBe(404);
  await app.inject({ method: 'POST', url: PATH, headers, body: JSON.stringify(payment) });
  expect((await get(PATH)).json().results).toHaveLength(1);
  // The login of the first practice is still good.
  expect((await call('GET', PATH)).json().results).toEqual([first]);
});
