import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { saveBucketOf } from '@emr-payments/db';
import { localAdapterDeps, openAdapter } from '@emr-payments/emr';
import { openKeyedAdapter } from '@emr-payments/emr/testing/keyed-emr';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

// An integrator reads this about an EMR that cuts and drops fields, and takes some methods only with further data.

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let user: ReturnType<typeof userRequests>;
beforeAll(async () => {
  const adapter = openKeyedAdapter(localAdapterDeps(), { baseUrl: 'http://127.0.0.1:1' });
  api = await openTestApi({ adapters: { of: () => adapter } });
  caller = await api.newCaller();
  user = userRequests(api, caller);
});
afterAll(() => api.close());

const whole = (field: string, as: string) => ({ field, kept: 'whole', as, to: null, rest: null, why: null });
const dropped = (field: string, why: string | null) => ({
  field,
  kept: 'dropped',
  as: null,
  to: null,
  rest: null,
  why,
});
const DATE = dropped('deposit_date', 'The EMR sets the date itself.');
const HEAD = [
  whole('payment_id', 'key'),
  whole('patient_mrn', 'patient'),
  whole('amount', 'amount'),
  whole('payment_method', 'method'),
];

test('GET /v1/connection says of each field what the EMR gets, and which methods need data', async () => {
  const { data } = (await user.get('/v1/connection')).json();
  expect(data).toMatchObject({
    dropped_fields: ['location', 'deposit_date'],
    fields: [
      ...HEAD,
      { field: 'reference_number', kept: 'cut', as: 'check', to: 8, rest: 'notes', why: null },
      dropped('location', null),
      { field: 'notes', kept: 'cut', as: 'memo', to: 20, rest: null, why: null },
      DATE,
    ],
    limits: ['150 requests a second, for the application'],
    any_payment_method: false,
    any_location: true,
    locations: [],
  });
  expect(data.method_needs).toEqual([
    { methods: 'cards', data: 'the last four digits of the card', setting: 'card_last4', supplied: false },
    { methods: 'gift certificates', data: 'their number', setting: null, supplied: false },
  ]);
  expect(data.payment_methods).toEqual([
    { id: '1', name: 'Card', usable: false, needs: 'the last four digits of the card' },
    { id: '2', name: 'Cash', usable: true, needs: null },
  ]);
});

test('GET /v1/connection says the limit that holds, which an operator may have set for all connections that share it', async () => {
  const opened = {
    userId: caller.userId,
    adapter: 'open-dental',
    baseUrl: 'http://127.0.0.1:1',
    credentials: { developer_key: 'dev', customer_key: 'shown' },
    settings: { calls_per_minute: 60 },
    timeZone: 'America/New_York',
  };
  const adapter = openAdapter(opened, localAdapterDeps());
  const apart = await openTestApi({ adapters: { of: () => adapter } });
  onTestFinished(() => apart.close());
  const asking = userRequests(apart, await apart.newCaller());
  const limits = async () => (await asking.get('/v1/connection')).json().data.limits;
  const pair = 'for each pair of developer and customer key';
  expect(await limits()).toEqual([`1 request a second ${pair}`]);
  const { key = '' } = adapter.bucket ?? {};
  await saveBucketOf(apart, { bucket: { key, windows: [{ calls: 12, perMs: 60_000 }] }, setsLimit: true });
  expect(await limits()).toEqual([`12 requests a minute ${pair}`]);
});

test('GET /v1/connection names the user of the access token, as events do', async () => {
  const { data } = (await user.get('/v1/connection')).json();
  expect(data.user_id).toBe(caller.publicId);
});

const dryRun = (body: object) => user.post('/v1/payments?dry_run=true', body);

test('a dry run says the same of one payment: what fits is whole, and a note that was not sent is left out', async () => {
  const { notes: _none, ...plain } = CREATE_PAYMENT_EXAMPLE;
  const cash = { ...plain, payment_method: 'cash', location: 'anywhere' };
  const short = await dryRun({ ...cash, reference_number: '12345678' });
  expect(short.json().data).toMatchObject({
    location: { id: '', name: 'anywhere' },
    dropped_fields: ['location', 'deposit_date'],
    fields: [...HEAD, whole('reference_number', 'check'), dropped('location', null), DATE],
  });
  const long = await dryRun({ ...cash, reference_number: '123456789', notes: '\u{1F600}'.repeat(11) });
  expect(long.json().data.fields.slice(4)).toEqual([
    { field: 'reference_number', kept: 'cut', as: 'check', to: 8, rest: 'notes', why: null },
    dropped('location', null),
    // 11 characters of two code units each.
    { field: 'notes', kept: 'cut', as: 'memo', to: 20, rest: null, why: null },
    DATE,
  ]);
});

test('a dry run refuses a method that needs data by a code of its own', async () => {
  const answer = await dryRun({ ...CREATE_PAYMENT_EXAMPLE, payment_method: 'Card' });
  expect([answer.statusCode, answer.json().code, answer.json().safe_to_retry]).toEqual([
    422,
    'method_needs_data',
    false,
  ]);
  expect(answer.json().message).toContain("For 'Card' it needs the last four digits of the card.");
});
