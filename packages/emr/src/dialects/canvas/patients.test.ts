import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { openVendorServer } from '../../testing/vendor-server.fixture.ts';
import { canvas } from './adapter.ts';

/** As the page shows them (https://docs.canvasmedical.com/api/patient): Canvas's own MRN, and the number of another system. */
const patient = (id: string, mrn: string, more: object = {}) => ({
  resourceType: 'Patient',
  id,
  identifier: [
    { use: 'usual', system: 'http://canvasmedical.com', value: mrn },
    { id: '1e628d77', use: 'usual', system: 'HealthCo', value: `s-${mrn}` },
  ],
  active: true,
  name: [{ use: 'official', family: 'Jones' }],
  ...more,
});
const link = (relation: string, offset: number) => ({
  relation,
  url: `/Patient?_sort=_id&_count=100&_offset=${offset}`,
});
const bundle = (resources: readonly object[], more: object = {}) => ({
  body: {
    resourceType: 'Bundle',
    type: 'searchset',
    total: 3,
    entry: resources.map((resource) => ({ resource })),
    ...more,
  },
});
const TOKEN = { body: { access_token: 'token-1', token_type: 'Bearer', expires_in: 36_000 } };

/** @param path of the base URL: an instance has none. */
async function open(answers: readonly object[], { settings = {}, path = '' } = {}) {
  const server = await openVendorServer({
    [`POST ${path}/auth/token/`]: TOKEN,
    [`GET ${path}/Patient`]: answers,
  });
  const adapter = canvas.open(
    {
      userId: 1,
      adapter: 'canvas',
      baseUrl: `${server.baseUrl}${path}`,
      credentials: { client_id: 'client1', client_secret: 's3cret' },
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  const find = async (mrn: string) => adapter.findPatient?.({ mrn }, quiet());
  const list = async (cursor: string | null = null) =>
    adapter.listPatients?.({ since: null, cursor }, quiet());
  return { server, find, list };
}

test('the patient with an MRN is asked for by Canvas as the system, or by the one that the setting names', async () => {
  const one = await open([bundle([patient('a', '012345')], { total: 1 })]);
  expect(await one.find('012345')).toEqual({ outcome: 'found', emrPatientId: 'a' });
  expect(one.server.queries[0]?.get('identifier')).toBe('http://canvasmedical.com|012345');
  expect(Number(one.server.queries[0]?.get('_count'))).toBeLessThanOrEqual(100);
  const other = await open([bundle([patient('a', '012345')], { total: 1 })], {
    settings: { patient_identifier_system: 'HealthCo' },
  });
  expect(await other.find('s-012345')).toEqual({ outcome: 'found', emrPatientId: 'a' });
  expect(other.server.queries[0]?.get('identifier')).toBe('HealthCo|s-012345');
});

test.each(['', '/canvas'])(
  'the list is read along the links, below the base path %j, without a watermark',
  async (path) => {
    const { list, server } = await open(
      [
        bundle([patient('a', '1'), patient('b', '2', { active: false })], {
          link: [link('self', 0), link('next', 2), link('last', 2)],
        }),
        bundle([patient('c', '3')], { link: [link('self', 2), link('last', 2)] }),
      ],
      { path },
    );
    const first = await list();
    if (first?.outcome !== 'page') throw new Error(JSON.stringify(first));
    expect(first).toMatchObject({
      patients: [
        { mrn: '1', emrPatientId: 'a', state: 'active' },
        { mrn: '2', emrPatientId: 'b', state: 'closed' },
      ],
      watermark: null,
    });
    expect(await list(first.next)).toEqual({
      outcome: 'page',
      patients: [{ mrn: '3', emrPatientId: 'c', state: 'active' }],
      unreadable: 0,
      next: null,
      watermark: null,
    });
    expect(server.queries.map((query) => Object.fromEntries(query))).toEqual([
      { _sort: '_id', _count: '100' },
      { _sort: '_id', _count: '100', _offset: '2' },
    ]);
  },
);

test('a patient who is taken out meanwhile moves the others: the list is read again', async () => {
  const { list } = await open([
    bundle([patient('a', '1'), patient('b', '2')], { link: [link('next', 2)] }),
    bundle([], { total: 2 }),
  ]);
  const first = await list();
  if (first?.outcome !== 'page') throw new Error(JSON.stringify(first));
  expect(await list(first.next)).toMatchObject({ outcome: 'unavailable', code: 'cursor_expired' });
});

test('a system with a bar cannot be used', async () => {
  await expect(open([], { settings: { patient_identifier_system: 'a|b' } })).rejects.toThrow(
    'settings: patient_identifier_system',
  );
});
