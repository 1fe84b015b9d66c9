import { expect, onTestFinished, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { WRITING } from './check.ts';
import { CLINICS, DEFINITIONS, type Office, openOffice, paged, type Row, row } from './office.fixture.ts';

const list = (rows: readonly Row[]) => (asked: { query: URLSearchParams }) => ({
  body: paged(rows, asked.query),
});

async function office(settings: Record<string, unknown> = {}, change?: (office: Office) => void) {
  const opened = await openOffice({ settings });
  onTestFinished(() => opened.close());
  change?.(opened);
  return opened;
}

test('payment types are the definitions of category 10 that are not hidden, although the filter is ignored', async () => {
  const { adapter, asked } = await office();
  expect(await adapter.list(quiet())).toEqual({
    outcome: 'listed',
    methods: [{ id: '69', name: 'Check' }],
    locations: [{ id: '3', name: 'Main Street Clinic', identifiers: ['MAIN'] }],
  });
  expect(asked.map(({ path, query }) => `${path}?${query}`)).toEqual([
    '/definitions?Category=10&Offset=0&Limit=100',
    '/clinics?Offset=0&Limit=100',
  ]);
});

test('names are matched by name, a clinic also by its abbreviation and its number', async () => {
  const { adapter } = await office();
  for (const location of ['main', '3', 'Main  Street clinic']) {
    expect(await adapter.resolve({ paymentMethod: ' cHECK ', location }, quiet())).toMatchObject({
      outcome: 'resolved',
      method: { id: '69' },
      location: { id: '3' },
    });
  }
  for (const paymentMethod of ['Old card', 'Cash', '69'])
    expect(await adapter.resolve({ paymentMethod, location: '3' }, quiet())).toMatchObject({
      code: 'unknown_payment_method',
    });
});

test('lists of more than a page are read to the end', async () => {
  const many = Array.from({ length: 150 }, (_, place) => ({
    ...DEFINITIONS[0],
    DefNum: place + 1,
    ItemName: `M${place}`,
  }));
  const { adapter } = await office({}, ({ answers }) => {
    answers['/definitions'] = list(many);
  });
  const lists = await adapter.list(quiet());
  expect(lists).toMatchObject({ outcome: 'listed' });
  expect(lists.outcome === 'listed' && lists.methods).toHaveLength(150);
});

test('an office without clinics takes every location and gets none', async () => {
  const without = ({ answers }: Office) => {
    answers['/clinics'] = list([]);
    answers['/payments'] = () => ({ status: 201, body: { PayNum: 1 } });
  };
  const { adapter } = await office({ clinics: false }, without);
  const resolved = await adapter.resolve({ paymentMethod: 'Check', location: 'Anywhere' }, quiet());
  expect(resolved).toMatchObject({ outcome: 'resolved', location: { id: '', name: 'Anywhere' } });
  expect(adapter.describe().fields.location).toMatchObject({ kept: 'dropped' });
  const withClinics = await office({}, without);
  expect(await withClinics.adapter.list(quiet())).toMatchObject({
    outcome: 'not_sent',
    code: 'list_not_found',
  });
});

test('an empty list of payment types, or one that changed while it was read, fails no payment', async () => {
  const empty = await office({}, ({ answers }) => {
    answers['/definitions'] = list([]);
  });
  expect(await empty.adapter.list(quiet())).toMatchObject({ outcome: 'not_sent', code: 'list_not_found' });
  const changed = await office({}, ({ answers }) => {
    answers['/definitions'] = () => ({
      body: Array.from({ length: 100 }, (_, place) => ({ ...DEFINITIONS[0], DefNum: place })),
    });
  });
  expect(await changed.adapter.list(quiet())).toMatchObject({
    outcome: 'not_sent',
    code: 'answer_incomplete',
  });
});

test('a check reads the lists and tries the look-up on a day without payments: it reads nobody', async () => {
  const { adapter, asked } = await office();
  expect(await adapter.check(quiet())).toEqual({
    ok: true,
    methods: 1,
    locations: 1,
    unusable: [],
    settings: { clinics: true },
    statement: {},
    remarks: [WRITING],
  });
  const day = asked.find(({ path }) => path === '/payments')?.query.get('DateEntry') ?? '';
  expect(Date.parse(day)).toBeGreaterThan(Date.now() + 86_400_000);
});

test('a check finds out that the office uses no clinics, and compares a given setting', async () => {
  const without = ({ answers }: Office) => {
    answers['/clinics'] = list([]);
  };
  expect(await (await office({}, without)).adapter.check(quiet())).toMatchObject({
    ok: true,
    locations: null,
    settings: { clinics: false },
  });
  expect(await (await office({ clinics: true }, without)).adapter.check(quiet())).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: 'GET /clinics lists no clinic, but the setting clinics is true.',
  });
  expect(await (await office({ clinics: false })).adapter.check(quiet())).toMatchObject({
    ok: true,
    locations: null,
    settings: {},
  });
});

test.each<[string, string, (office: Office) => void]>([
  [
    'that has no payment type',
    'GET /definitions lists no payment type (category 10). Not usable: Payment methods: 1 that cannot be read.',
    ({ answers }) => {
      answers['/definitions'] = list([{ DefNum: 'x', Category: 10, ItemName: 'Check' }]);
    },
  ],
  [
    'that ignores the date',
    'GET /payments ignores DateEntry',
    ({ answers }) => {
      answers['/payments'] = () => ({ body: [row()] });
    },
  ],
  [
    'whose keys may not read payments',
    'GET /payments answered HTTP 403: No right for [credential].',
    ({ answers }) => {
      answers['/payments'] = () => ({ status: 403, body: 'No right for cust.' });
    },
  ],
  [
    'that has clinics of an old version',
    'GET /clinics answered HTTP 400: Clinics GET is not a valid method.',
    ({ answers }) => {
      answers['/clinics'] = () => ({ status: 400, body: 'Clinics GET is not a valid method.' });
    },
  ],
])('a check of an office %s fails with the request', async (_name, reason, change) => {
  const { adapter } = await office({}, change);
  expect(await adapter.check(quiet())).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringContaining(reason),
  });
});

test('a hidden clinic and the number 0 are no locations', async () => {
  const { adapter } = await office({}, ({ answers }) => {
    answers['/clinics'] = list([
      ...CLINICS,
      { ClinicNum: 4, Description: 'Closed', IsHidden: 'true' },
      { ClinicNum: 0, Description: 'Unassigned' },
      { ClinicNum: 5, Abbr: 'RIV' },
    ]);
  });
  expect(await adapter.list(quiet())).toMatchObject({
    locations: [
      { id: '3', name: 'Main Street Clinic' },
      { id: '5', name: 'RIV' },
    ],
  });
});
