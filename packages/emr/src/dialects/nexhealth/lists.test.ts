import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { frame, institution, location, openNexHealth, page, type } from './nexhealth-server.fixture.ts';

const twoOffices = { 'GET /locations': frame([institution([location(12), location(13)])]) };
const typesAt = (there: Record<string, unknown[]>) => ({
  'GET /payment_types': (query: URLSearchParams) => page(there[query.get('location_id') ?? ''] ?? []),
});

test('lists the locations of the practice and its payment types', async () => {
  const { adapter, asked } = await openNexHealth();
  expect(await adapter.list(quiet())).toEqual({
    outcome: 'listed',
    methods: [
      { id: '501', name: 'Card' },
      { id: '502', name: 'Check' },
    ],
    locations: [{ id: '12', name: 'Office 12', identifiers: ['12', '1412'] }],
  });
  const places = asked.find(({ url }) => url.startsWith('/locations'));
  expect(places?.headers.accept).toBe('application/vnd.Nexhealth+json;version=2');
  expect(places?.url).toBe('/locations?subdomain=demo');
});

test.each(['12', '1412', ' office 12 '])('the location %j is matched', async (named) => {
  const { adapter } = await openNexHealth();
  const resolved = await adapter.resolve({ paymentMethod: 'CARD', location: named }, quiet());
  expect(resolved).toMatchObject({ outcome: 'resolved', method: { id: '501' }, location: { id: '12' } });
});

test('an id of one location that is the number of another is ambiguous', async () => {
  const places = frame([institution([location(12, { foreign_id: '13' }), location(13)])]);
  const { adapter } = await openNexHealth({ answers: { 'GET /locations': places } });
  expect(await adapter.resolve({ paymentMethod: 'Card', location: '13' }, quiet())).toMatchObject({
    outcome: 'refused',
    code: 'unknown_location',
  });
});

test('inactive entries, other practices and entries that cannot be read are not listed', async () => {
  const { adapter } = await openNexHealth({
    answers: {
      'GET /locations': frame([
        institution([location(12), location(13, { inactive: true }), { name: 'No id' }]),
        institution([location(99)], 'another'),
      ]),
      'GET /payment_types': page([type(501, 'Card'), type(503, 'Old', false), { id: 'x' }]),
    },
  });
  expect(await adapter.list(quiet())).toMatchObject({
    methods: [{ id: '501' }],
    locations: [{ id: '12' }],
  });
  expect(await adapter.check(quiet())).toMatchObject({
    unusable: [
      "Locations: 'Office 13' (13) is inactive",
      'Locations: entry 3 cannot be read',
      "Payment types: 'Old' (503) is inactive",
      'Payment types: entry 3 cannot be read',
    ],
  });
});

test('with the setting location_id that location alone is listed, and every other is refused', async () => {
  const { adapter } = await openNexHealth({ answers: twoOffices, settings: { location_id: 13 } });
  expect(await adapter.list(quiet())).toMatchObject({ locations: [{ id: '13' }] });
  expect(await adapter.resolve({ paymentMethod: 'Card', location: '12' }, quiet())).toMatchObject({
    outcome: 'refused',
    code: 'unknown_location',
  });
});

test('a payment type that differs between the locations is chosen by the location', async () => {
  const types = typesAt({
    12: [type(501, 'Card'), type(600, 'Cash')],
    13: [type(777, 'card'), type(600, 'Cash'), type(778, 'Check')],
  });
  const { adapter } = await openNexHealth({ answers: { ...twoOffices, ...types } });
  expect(await adapter.list(quiet())).toMatchObject({
    methods: [
      { id: '12:501,13:777', name: 'Card' },
      { id: '600', name: 'Cash' },
      { id: '13:778', name: 'Check' },
    ],
  });
  expect(await adapter.check(quiet())).toMatchObject({
    unusable: ["Payment types: 'Check' is not at the location 'Office 12' (12)"],
  });
  const resolve = (paymentMethod: string, location: string) =>
    adapter.resolve({ paymentMethod, location }, quiet());
  expect(await resolve('Card', '12')).toMatchObject({ outcome: 'resolved' });
  expect(await resolve('Check', '13')).toMatchObject({ outcome: 'resolved' });
  // Before anything is sent, so that a dry run says it too.
  expect(await resolve('Check', '12')).toEqual({
    outcome: 'refused',
    code: 'unknown_payment_method',
    reason: 'The EMR has no such payment type at this location. Choose one that the location has.',
  });
});

test('two payment types of one name at one location are ambiguous', async () => {
  const { adapter } = await openNexHealth({
    answers: { 'GET /payment_types': page([type(501, 'Card'), type(502, ' CARD')]) },
  });
  expect(await adapter.resolve({ paymentMethod: 'Card', location: '12' }, quiet())).toMatchObject({
    outcome: 'refused',
    reason: expect.stringContaining('more than one payment method'),
  });
});

test('all pages of the payment types are read', async () => {
  const types = (query: URLSearchParams) =>
    query.get('end_cursor') === 'B'
      ? page([type(502, 'Check')])
      : page([type(501, 'Card')], { has_next_page: true, end_cursor: 'B' });
  const { adapter, asked } = await openNexHealth({ answers: { 'GET /payment_types': types } });
  expect(await adapter.list(quiet())).toMatchObject({ methods: [{ id: '501' }, { id: '502' }] });
  expect(asked.filter(({ url }) => url.startsWith('/payment_types'))[0]?.url).toContain('per_page=1000');
});

test("trouble with a list has none of NexHealth's words: no payment keeps them", async () => {
  const said = { code: false, description: 'Forbidden', data: {}, error: ['Jane Doe has no access'] };
  const { adapter } = await openNexHealth({ answers: { 'GET /payment_types': { status: 403, body: said } } });
  expect(JSON.stringify(await adapter.list(quiet()))).not.toContain('Jane Doe');
  expect(await adapter.list(quiet())).toEqual({
    outcome: 'not_sent',
    code: 'forbidden',
    detail: 'The EMR does not permit this with our credentials (HTTP 403).',
  });
});

test.each([
  ['an empty list', page([]), 'list_not_found'],
  ['a list with an error', { ...page([type(1, 'x')]), error: ['no'] }, 'bad_answer'],
  ['no list', frame({}), 'bad_answer'],
  ['a right that is missing', { status: 403, body: '' }, 'forbidden'],
])('%s is trouble, and refuses no payment', async (_name, types, code) => {
  const { adapter } = await openNexHealth({ answers: { 'GET /payment_types': types } });
  expect(await adapter.resolve({ paymentMethod: 'x', location: '12' }, quiet())).toMatchObject({
    outcome: 'not_sent',
    code,
  });
});
