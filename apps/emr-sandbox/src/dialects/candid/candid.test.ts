import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { candid } from './dialect.ts';

const PATH = '/candid/api/patient-payments/v4';
const ID = '123e4567e89b12d3a456426614174001';
const UUID = 'd5e9c84f-c2b2-4bf4-b4b0-7ffd7a9ffc32';
const payment = {
  amount_cents: 35_010,
  patient_external_id: 'pat-1001',
  allocations: [{ amount_cents: 35_010, target: { type: 'unattributed' } }],
  payment_timestamp: '2026-06-15T16:00:00Z',
  payment_note: 'Copay',
  payment_method_detail: { payment_method: { type: 'check', check_number: '4711' } },
  payment_source: 'MANUAL_ENTRY',
  source_internal_id: ID,
};

async function connected(options: Parameters<typeof sandboxForTest>[0] = {}) {
  const sandbox = await sandboxForTest({ dialects: [candid], token: 's3cret', ...options });
  const { app } = sandbox;
  const ask = (body: unknown, contentType = 'application/json') =>
    app.inject({
      method: 'POST',
      url: '/candid/api/auth/v2/token',
      headers: { 'content-type': contentType },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const { access_token } = (await ask({ client_id: 'app-1', client_secret: 's3cret' })).json();
  const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: unknown) =>
    app.inject({
      method,
      url,
      headers: {
        authorization: `Bearer ${access_token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const post = (change: object = {}) => call('POST', PATH, { ...payment, ...change });
  return { ...sandbox, ask, call, post };
}

test('a payment is created, read by id, and in the ledger with our id', async () => {
  const { post, call, app } = await connected();
  const created = await post();
  expect([created.statusCode, created.json()]).toEqual([
    200,
    {
      ...payment,
      patient_payment_id: '00000000-0000-4000-8000-000013969262',
      organization_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      allocations: [
        {
          allocation_id: '00000000-0001-4000-8000-000013969262',
          amount_cents: 35_010,
          target: { type: 'unattributed' },
        },
      ],
    },
  ]);
  expect((await call('GET', `${PATH}/00000000-0000-4000-8000-000013969262`)).json()).toEqual(created.json());
  expect((await app.inject('/sandbox/ledger')).json().entries[0]).toMatchObject({
    emr_transaction_id: '00000000-0000-4000-8000-000013969262',
    payment_id: ID,
    patient_id: 'pat-1001',
    amount: 350.1,
    payment_method: 'Check',
    reference_number: '4711',
    notes: 'Copay',
    deposit_date: '2026-06-15',
    dialect: 'candid',
  });
});

test('an internal id of another form is not ours', async () => {
  const { post, ledger } = await connected();
  await post({ source_internal_id: 'INV-1' });
  expect(ledger.entries[0]?.posting).toMatchObject({ paymentId: null, otherKeys: ['INV-1'] });
});

test('the internal id is not unique: the second create makes a second payment', async () => {
  const { post, call, ledger } = await connected();
  await post();
  await post();
  expect(ledger.size()).toBe(2);
  expect((await call('GET', `${PATH}?source_internal_id=${ID}`)).json().items).toHaveLength(2);
});

const unprocessable = (part: string) => ({
  errorName: 'UnprocessableEntityError',
  content: { message: expect.stringContaining(part) },
});
const notFound = (id: string) => ({ errorName: 'EntityNotFoundError', content: { id } });
const target = (value: object) => ({ allocations: [{ amount_cents: 35_010, target: value }] });
const method = (value: object) => ({ payment_method_detail: { payment_method: value } });

test.each([
  ['no amount', { amount_cents: undefined }, 422, unprocessable('amount_cents')],
  ['an amount in dollars', { amount_cents: 350.1 }, 422, unprocessable('amount_cents')],
  ['a negative amount', { amount_cents: -35_010 }, 422, unprocessable('amount_cents')],
  ['an amount as text', { amount_cents: '35010' }, 422, unprocessable('amount_cents')],
  ['no patient', { patient_external_id: undefined }, 422, unprocessable('patient_external_id')],
  ['an unknown patient', { patient_external_id: 'pat-9' }, 404, notFound('pat-9')],
  ['no allocations', { allocations: undefined }, 422, unprocessable('allocations')],
  ['an empty list of allocations', { allocations: [] }, 422, unprocessable('allocations')],
  ['allocations of another sum', { amount_cents: 35_011 }, 422, unprocessable('add up')],
  ['a target of an unknown kind', target({ type: 'patient' }), 422, unprocessable('target')],
  ['an unknown claim', target({ type: 'claim_by_id', value: UUID }), 404, notFound(UUID)],
  ['an unknown service line', target({ type: 'service_line_by_id', value: UUID }), 404, notFound(UUID)],
  ['a day in place of a time', { payment_timestamp: '2026-06-15' }, 422, unprocessable('payment_timestamp')],
  [
    'a time without a zone',
    { payment_timestamp: '2026-06-15T10:00:00' },
    422,
    unprocessable('payment_timestamp'),
  ],
  [
    'a time that does not exist',
    { payment_timestamp: '2026-13-15T10:00:00Z' },
    422,
    unprocessable('payment_timestamp'),
  ],
  ['a closed day', { payment_timestamp: '2019-12-31T10:00:00Z' }, 422, unprocessable('closed')],
  ['a check without a number', method({ type: 'check' }), 422, unprocessable('payment_method')],
  ['another method', method({ type: 'hsa' }), 422, unprocessable('payment_method')],
  ['a source of another system', { payment_source: 'STRIPE' }, 422, unprocessable('payment_source')],
  ['an invoice that is no UUID', { invoice: '7' }, 422, unprocessable('invoice')],
  ['an unknown member', { reference_number: '7' }, 422, unprocessable('reference_number')],
])('%s is refused', async (_name, change, status, body) => {
  const { post, ledger } = await connected({
    capabilities: { conditional_create: true, search: true, books_closed_before: '2020-01-01' },
  });
  const answer = await post(change);
  expect([answer.statusCode, answer.json(), ledger.size()]).toEqual([status, body, 0]);
});

test('the client secret must be right, and the request JSON', async () => {
  const { ask } = await connected();
  const wrong = await ask({ client_id: 'app-1', client_secret: 'guess' });
  expect([wrong.statusCode, wrong.json().errorName]).toEqual([403, 'UnauthorizedError']);
  const form = await ask('client_id=app-1&client_secret=s3cret', 'application/x-www-form-urlencoded');
  expect([form.statusCode, form.json().errorName]).toEqual([415, 'InvalidContentTypeError']);
  expect((await ask({ client_id: 'app-1' })).statusCode).toBe(422);
});

test.each([undefined, 'Bearer x', 'Basic x', 's3cret'])(
  'the authorization %s is refused',
  async (authorization) => {
    const { app } = await connected();
    const answer = await app.inject({
      url: PATH,
      headers: authorization === undefined ? {} : { authorization },
    });
    expect([answer.statusCode, answer.json().errorName]).toEqual([403, 'UnauthorizedError']);
  },
);

test('pages have at most 999 payments, and a token that leads to the next', async () => {
  const { post, call } = await connected();
  for (const day of ['2026-06-01', '2026-06-03', '2026-06-02'])
    await post({ payment_timestamp: `${day}T12:00:00Z` });
  const days = (answer: { items: { payment_timestamp: string }[] }) =>
    answer.items.map(({ payment_timestamp }) => payment_timestamp.slice(8, 10));
  const first = (await call('GET', `${PATH}?limit=2`)).json();
  expect(days(first)).toEqual(['03', '02']);
  const second = (await call('GET', `${PATH}?limit=2&page_token=${first.next_page_token}`)).json();
  expect([days(second), second.next_page_token]).toEqual([['01'], undefined]);
  expect(days((await call('GET', `${PATH}?sort_direction=asc`)).json())).toEqual(['01', '02', '03']);
  for (const query of ['limit=0', 'limit=1000', 'page_token=x', 'sort=id', 'sort_direction=up'])
    expect((await call('GET', `${PATH}?${query}`)).statusCode, query).toBe(422);
});

test('filters choose, and one that the vendor does not have is ignored', async () => {
  const { post, call } = await connected();
  await post();
  const count = async (query: string) => (await call('GET', `${PATH}?${query}`)).json().items.length;
  expect(await count('patient_external_id=pat-1001')).toBe(1);
  expect(await count('patient_external_id=pat-1002')).toBe(0);
  expect(await count('sources=STRIPE&sources=MANUAL_ENTRY')).toBe(1);
  expect(await count('sources=STRIPE')).toBe(0);
  expect(await count('unattributed=true')).toBe(1);
  expect(await count(`claim_id=${UUID}`)).toBe(0);
  expect(await count('source_internal_id=nothing')).toBe(0);
  expect(await count('reference=nothing')).toBe(1);
});

test('a note can be changed and removed, and a payment voided', async () => {
  const { post, call, ledger } = await connected();
  const url = `${PATH}/${(await post()).json().patient_payment_id}`;
  expect(
    (await call('PATCH', url, { payment_note: { type: 'set', value: 'New' } })).json().payment_note,
  ).toBe('New');
  expect((await call('PATCH', url, { payment_note: { type: 'remove' } })).json()).not.toHaveProperty(
    'payment_note',
  );
  expect((await call('PATCH', url, { amount_cents: 1 })).statusCode).toBe(422);
  expect((await call('DELETE', url)).statusCode).toBe(200);
  expect((await call('GET', url)).json().errorName).toBe('EntityNotFoundError');
  expect((await call('GET', PATH)).json().items).toEqual([]);
  expect(ledger.size()).toBe(1);
});

test('scripted faults have the form of the vendor', async () => {
  const { app, post } = await connected();
  await app.inject({ method: 'POST', url: '/sandbox/faults', body: { kind: 'too_many_requests', count: 1 } });
  expect((await post()).json().errorName).toBe('TooManyRequestsError');
  await app.inject({ method: 'POST', url: '/sandbox/faults', body: { kind: 'commit_then_500', count: 1 } });
  expect((await post()).json().errorName).toBe('InternalError');
  expect((await app.inject('/sandbox/ledger')).json().count).toBe(1);
});
