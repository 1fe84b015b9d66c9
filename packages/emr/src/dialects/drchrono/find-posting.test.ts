import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { PAYMENT_ID, SENT_AT, someHints } from '../../testing/vendor-server.fixture.ts';
import { chart, drchronoAt, row } from './drchrono.fixture.ts';

const LIST = 'GET /api/patient_payments';
const OTHER = row({ id: 8000, notes: '[emr-payments 00000000000000000000000000000000] Copay' });
const page = (results: unknown[], next: string | null = null) => ({
  body: { previous: null, results, next },
});
const found = async (...pages: object[]) => {
  const { adapter } = await drchronoAt({ [LIST]: pages });
  return adapter.find?.(someHints(), quiet());
};

test('it asks for the patient’s payments from two days before the send, with the vendor’s time without zone', async () => {
  const { adapter, queries } = await drchronoAt({ [LIST]: page([]) });
  await adapter.find?.(someHints(), quiet());
  const [query] = queries;
  expect([...(query ?? [])].map(([name]) => name)).toEqual(['patient', 'since', 'page_size']);
  expect(query?.get('patient')).toBe('415');
  expect(query?.get('since')).toBe('2026-06-13T18:30:00');
  expect(Date.parse(`${query?.get('since')}Z`)).toBeLessThan(SENT_AT.getTime() - 26 * 3_600_000);
  expect(Number(query?.get('page_size'))).toBeGreaterThanOrEqual(200);
  expect(Number(query?.get('page_size'))).toBeLessThanOrEqual(250);
});

test.each(['results', 'data'])('the rows may be called %s', async (name) => {
  expect(await found({ body: { [name]: [OTHER, row()] } })).toMatchObject({
    outcome: 'found',
    emrTransactionId: '9001',
    rows: [{ id: '9001', amount: '350.10' }],
  });
  expect(await found({ body: { [name]: [OTHER] } })).toEqual({ outcome: 'absent' });
});

test('all pages are read, by the addresses that the server gives', async () => {
  const { adapter, queries } = await drchronoAt((baseUrl) => ({
    [LIST]: [page([OTHER], `${baseUrl}/api/patient_payments?cursor=abc`), page([row()])],
  }));
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({ outcome: 'found' });
  expect(queries.map((query) => query.get('cursor'))).toEqual([null, 'abc']);
});

test('a row that two pages show counts once', async () => {
  const { adapter } = await drchronoAt((baseUrl) => ({
    [LIST]: [page([row()], `${baseUrl}/api/patient_payments?cursor=abc`), page([row(), OTHER])],
  }));
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({ outcome: 'found', sum: '350.10' });
});

test.each([[[row({ amount: 'n/a' })]], [[row(), row({ id: 9002, amount: 'n/a' })]]])(
  'rows with our id prove nothing while the amount of one cannot be read: %#',
  async (rows) => {
    expect(await found(page(rows))).toMatchObject({ outcome: 'unavailable', code: 'entry_unreadable' });
  },
);

test.each([
  'http://elsewhere.example/api/patient_payments?cursor=a',
  '/api/patients?cursor=a',
  '/api/patient_payments/../patients?cursor=a',
  '//elsewhere.example/api/patient_payments?cursor=a',
  'not a url at all\u0000',
])('the next page %j is not followed, and proves nothing', async (next) => {
  const { adapter, seen } = await drchronoAt({ [LIST]: page([OTHER], next) });
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'bad_answer',
  });
  expect(seen.filter((request) => request.startsWith('GET'))).toHaveLength(1);
});

test('what was found counts although a later page cannot be read; what was not found proves nothing', async () => {
  const broken = { status: 500, body: { detail: 'Oops' } };
  const pages = (first: object) => (baseUrl: string) => ({
    [LIST]: [page([first], `${baseUrl}/api/patient_payments?cursor=a`), broken],
  });
  const there = await drchronoAt(pages(row()));
  expect(await there.adapter.find?.(someHints(), quiet())).toMatchObject({ outcome: 'found' });
  const partly = await drchronoAt(pages(row({ amount: '300.00' })));
  expect(await partly.adapter.find?.(someHints(), quiet())).toMatchObject({ outcome: 'unavailable' });
  const notThere = await drchronoAt(pages(OTHER));
  expect(await notThere.adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'emr_error',
  });
});

test('a list without an end is not read to its end, and proves nothing', async () => {
  const { adapter, queries } = await drchronoAt((baseUrl) => ({
    [LIST]: Array.from({ length: 101 }, (_, number) =>
      page([OTHER], `${baseUrl}/api/patient_payments?cursor=${number}`),
    ),
  }));
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'answer_too_large',
  });
  expect(queries).toHaveLength(100);
});

test('a list that leads back to a page of it is not read again, and proves nothing', async () => {
  const { adapter, queries } = await drchronoAt((baseUrl) => ({
    [LIST]: page([OTHER], `${baseUrl}/api/patient_payments?cursor=a`),
  }));
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({
    outcome: 'unavailable',
    code: 'bad_answer',
  });
  expect(queries).toHaveLength(2);
});

test.each([
  ['another amount', row({ amount: '350.00' }), 'another amount'],
  ['another day', row({ received_date: '2026-06-14' }), 'another deposit date'],
  ['no day', row({ received_date: null }), 'no readable deposit date'],
  ['another patient', row({ patient: 416 }), 'another patient'],
])('our row with %s differs', async (_name, each, difference) => {
  expect(await found(page([each]))).toEqual({ outcome: 'differs', emrTransactionId: '9001', difference });
});

test('two rows of ours are several, with their sum', async () => {
  expect(await found(page([row(), row({ id: 9000 })]))).toEqual({
    outcome: 'several',
    rows: [
      { id: '9000', amount: '350.10' },
      { id: '9001', amount: '350.10' },
    ],
    sum: '700.20',
  });
});

test.each([
  [
    'our marker in the notes of another payment',
    { notes: `[emr-payments 00000000000000000000000000000000] [emr-payments ${PAYMENT_ID}]` },
  ],
  ['no notes and another amount', { notes: null, amount: '350.11' }],
  ['no notes and another day', { notes: '', received_date: '2026-06-14' }],
  ['notes that a person wrote and another amount', { notes: 'Card at the desk', amount: '350.11' }],
  ['all as in our payment and the marker of another', { notes: `[emr-payments ${'f'.repeat(32)}]` }],
])('a row with %s is another payment’s', async (_name, change) => {
  expect(await found(page([row(change)]))).toEqual({ outcome: 'absent' });
});

test.each([
  ['our marker behind other text', `Copay [emr-payments ${PAYMENT_ID}]`],
  ['our marker in capitals', `[emr-payments ${PAYMENT_ID.toUpperCase()}]`],
  ['a part of our marker', `[emr-payments ${PAYMENT_ID.slice(0, 31)}…`],
  ['our marker and more behind it', `[emr-payments ${PAYMENT_ID}0]`],
  ['no notes, and the rest as in our payment', null],
  ['blank notes, and the rest as in our payment', ' '],
  ['notes that a person wrote, and the rest as in our payment', 'Card at the desk'],
  [
    'a cut marker before other words, and the rest as in our payment',
    `[emr-payments ${PAYMENT_ID.slice(0, 9)} paid`,
  ],
])('a row with %s may be ours, so nothing is absent', async (_name, notes) => {
  expect(await found(page([OTHER, row({ notes })]))).toMatchObject({
    outcome: 'unavailable',
    code: 'answer_not_understood',
    detail: expect.stringContaining('nobody can say whether it is this payment'),
  });
});

test.each([
  ['a row of another patient', page([OTHER, row({ id: 1, patient: 416, notes: '' })]), 'search_not_honoured'],
  ['a row without an id', page([OTHER, { patient: 415 }]), 'answer_not_understood'],
  ['a row that is a text', page([OTHER, 'Jane Doe']), 'answer_not_understood'],
  ['notes that are no text', page([row({ notes: { text: 'a' } })]), 'answer_not_understood'],
  ['both lists at once', { body: { results: [], data: [row()] } }, 'bad_answer'],
  ['no list', { body: { detail: 'Nothing.' } }, 'bad_answer'],
  ['a list alone', { body: [OTHER] }, 'bad_answer'],
  ['a page with a member twice', { body: '{"results":[],"results":[]}' }, 'bad_answer'],
  ['an answer from a cache', { ...page([]), headers: { age: '9' } }, 'answer_cached'],
  ['a redirect', { status: 302, headers: { location: '/' } }, 'redirected'],
])('%s proves nothing', async (_name, answer, code) => {
  expect(await found(answer)).toMatchObject({ outcome: 'unavailable', code });
});

test.each([
  ['is inactive, as a duplicate is', 'unknown_patient', { body: chart({ patient_status: 'I' }) }],
  [
    'is inactive because the patient is deceased',
    'unknown_patient',
    { body: chart({ patient_status: 'D' }) },
  ],
  ['is not found', 'unknown_patient', { status: 404, body: { detail: 'Not found.' } }],
  ['has an unknown status', 'answer_not_understood', { body: chart({ patient_status: 'M' }) }],
  ['is another one', 'answer_not_understood', { body: chart({ id: 416 }) }],
  ['cannot be read', 'emr_error', { status: 504, body: 'Gateway timeout' }],
  // Not `forbidden`: a right that posting does not need says nothing against the connection.
  ['may not be read', 'answer_incomplete', { status: 403, body: { detail: 'No permission.' } }],
  ['comes from a cache', 'answer_cached', { headers: { age: '9' }, body: chart() }],
  ['is behind a redirect', 'redirected', { status: 302, headers: { location: '/' } }],
])('no payment is absent where the chart %s', async (_name, code, answer) => {
  const { adapter, seen } = await drchronoAt({ [LIST]: page([OTHER]), 'GET /api/patients/415': answer });
  expect(await adapter.find?.(someHints(), quiet())).toMatchObject({ outcome: 'unavailable', code });
  // The chart is read after the payments, so a chart that was closed before that read is seen.
  expect(seen.filter((each) => each.startsWith('GET')).map((each) => each.split('?')[0])).toEqual([
    expect.stringContaining('/api/patient_payments'),
    expect.stringContaining('/api/patients/415'),
  ]);
});

test('a 429 at the look-up carries the wait of its text', async () => {
  const detail = 'Request was throttled. Expected available in 60 seconds.';
  expect(await found({ status: 429, body: { detail } })).toMatchObject({
    outcome: 'unavailable',
    code: 'rate_limited',
    retryAfterMs: 60_000,
  });
});
