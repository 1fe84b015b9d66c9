import { describe, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { ListPatientsOutcome } from '../../patients.ts';
import {
  openVendorServer,
  type VendorAnswer,
  type VendorAnswers,
} from '../../testing/vendor-server.fixture.ts';
import { fhirR4 } from './adapter.ts';

const SYSTEM = 'urn:emr-payments:mrn';
const DATE = 'Mon, 15 Jun 2026 14:30:00 GMT';
/** Five minutes before `DATE`. */
const WATERMARK = '2026-06-15T14:25:00.000Z';

type Element = Record<string, unknown>;
const patient = (id: string, more: Element = {}): Element => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: SYSTEM, value: `M-${id}` }],
  name: [{ family: 'Doe' }],
  ...more,
});
const at = (id: string, time: string, more: Element = {}) =>
  patient(id, { meta: { lastUpdated: `2026-06-15T${time}` }, ...more });
const bundle = (resources: readonly Element[], more: Element = {}): VendorAnswer => ({
  headers: { date: DATE },
  body: {
    resourceType: 'Bundle',
    type: 'searchset',
    entry: resources.map((resource) => ({ resource })),
    ...more,
  },
});
const next = (url: string, self = 'Patient?_sort=_lastUpdated&_count=100') => ({
  link: [
    { relation: 'self', url: self },
    { relation: 'next', url },
  ],
});
const complaint = (status: number): VendorAnswer => ({
  status,
  body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'not-found' }] },
});

async function open(answers: VendorAnswers | ((baseUrl: string) => VendorAnswers)) {
  const server = await openVendorServer(answers);
  const adapter = fhirR4.open(
    {
      userId: 1,
      adapter: 'fhir-r4',
      baseUrl: server.baseUrl,
      credentials: {},
      settings: {},
      timeZone: 'UTC',
    },
    localAdapterDeps(),
  );
  const find = async (mrn: string) => adapter.findPatient?.({ mrn }, quiet());
  const list = async (cursor: string | null = null, since: string | null = null) =>
    (await adapter.listPatients?.({ since, cursor }, quiet())) as ListPatientsOutcome;
  const page = async (cursor: string | null = null, since: string | null = null) => {
    const outcome = await list(cursor, since);
    if (outcome.outcome !== 'page') throw new Error(JSON.stringify(outcome));
    return outcome;
  };
  return { ...server, server, find, list, page };
}
const queriesOf = ({ queries }: { queries: URLSearchParams[] }) =>
  queries.map((each) => Object.fromEntries(each));
const ids = ({ patients }: { patients: readonly { emrPatientId: string }[] }) =>
  patients.map(({ emrPatientId }) => emrPatientId);

describe('the patient who has an MRN', () => {
  test('is asked for by system and value, escaped', async () => {
    const { find, server } = await open({ 'GET /Patient': bundle([]) });
    expect(await find('a,b|c$d\\e')).toEqual({ outcome: 'none' });
    expect(server.queries[0]?.get('identifier')).toBe(`${SYSTEM}|a\\,b\\|c\\$d\\\\e`);
    expect(server.seen[0]).toContain('prefer: handling=strict');
  });

  test.each([
    [{ active: false }, "The patient's record is not active in the EMR."],
    [
      { link: [{ type: 'replaced-by', other: { reference: 'https://other.example/Patient/9' } }] },
      "The patient's record was merged into another one, and the EMR does not say into which.",
    ],
    [
      { link: [1, 2].map((id) => ({ type: 'replaced-by', other: { reference: `Patient/${id}` } })) },
      "The patient's record was merged into another one, and the EMR does not say into which.",
    ],
  ])('%j: closed', async (more, reason) => {
    const { find } = await open({ 'GET /Patient': bundle([patient('a', more)]) });
    expect(await find('M-a')).toEqual({ outcome: 'closed', reason });
  });

  const merged = (id: string, into: string, more: Element = {}) =>
    patient(id, {
      active: false,
      link: [{ type: 'replaced-by', other: { reference: `Patient/${into}` } }],
      ...more,
    });

  test('a merged record is followed over several merges, by URLs too', async () => {
    const { find } = await open((baseUrl) => ({
      'GET /Patient': bundle([merged('a', 'b')]),
      'GET /Patient/b': {
        body: patient('b', {
          link: [{ type: 'replaced-by', other: { reference: `${baseUrl}/Patient/c` } }],
        }),
      },
      'GET /Patient/c': { body: patient('c') },
    }));
    expect(await find('M-a')).toEqual({ outcome: 'found', emrPatientId: 'c' });
  });

  test('two records of one MRN are one patient where one was merged into the other', async () => {
    const identifier = [{ system: SYSTEM, value: 'M-a' }];
    const { find } = await open({
      'GET /Patient': bundle([merged('a', 'b'), patient('b', { identifier })]),
    });
    expect(await find('M-a')).toEqual({ outcome: 'found', emrPatientId: 'b' });
  });

  test('records merged into each other in a circle are closed', async () => {
    const { find } = await open({
      'GET /Patient': bundle([merged('a', 'b')]),
      'GET /Patient/b': { body: merged('b', 'a') },
    });
    expect(await find('M-a')).toMatchObject({ outcome: 'closed' });
  });

  test.each([
    [{ status: 404 }, 'unexpected_status'],
    [{ body: patient('x') }, 'answer_not_understood'],
    [{ body: patient('b'), headers: { age: '60' } }, 'answer_cached'],
  ])('a survivor that cannot be read, %j, is no evidence', async (answer, code) => {
    const { find } = await open({ 'GET /Patient': bundle([merged('a', 'b')]), 'GET /Patient/b': answer });
    const found = await find('M-a');
    expect(found).toMatchObject({ outcome: 'unavailable' });
    if (code !== 'unexpected_status') expect(found).toMatchObject({ code });
  });
});

describe('the list of patients', () => {
  test('the next page begins at the time of the last patient, who is not listed again', async () => {
    const { page, server } = await open({
      'GET /Patient': [
        bundle(
          [at('a', '10:00:00.001Z'), at('b', '10:00:00.0025Z'), at('c', '10:00:00.002+00:00')],
          next('?x=1'),
        ),
        bundle([
          at('b', '10:00:00.0025Z'),
          at('c', '11:00:00.000Z', { active: false }),
          at('d', '11:00:00Z'),
        ]),
      ],
    });
    const first = await page();
    const second = await page(first.next);
    expect([ids(first), ids(second)]).toEqual([
      ['a', 'b', 'c'],
      ['c', 'd'],
    ]);
    // The one who changed meanwhile is listed as they are now.
    expect(second.patients[0]).toEqual({ mrn: 'M-c', emrPatientId: 'c', state: 'closed' });
    expect([first.watermark, second.watermark, second.next]).toEqual([WATERMARK, WATERMARK, null]);
    expect(queriesOf(server)).toEqual([
      { _sort: '_lastUpdated', _count: '100' },
      { _lastUpdated: 'ge2026-06-15T10:00:00.002Z', _sort: '_lastUpdated', _count: '100' },
    ]);
  });

  test('a run of changes asks for those since the watermark; another text is none', async () => {
    const { page, server } = await open({ 'GET /Patient': bundle([at('a', '14:26:00Z')]) });
    expect(ids(await page(null, WATERMARK))).toEqual(['a']);
    await page(null, '2026-06-15 14:25:00');
    expect(queriesOf(server).map(({ _lastUpdated }) => _lastUpdated)).toEqual([`ge${WATERMARK}`, undefined]);
  });

  test('nobody has changed: an empty page, and a watermark', async () => {
    const { page } = await open({ 'GET /Patient': bundle([]) });
    expect(await page(null, WATERMARK)).toEqual({
      outcome: 'page',
      patients: [],
      unreadable: 0,
      next: null,
      watermark: WATERMARK,
    });
  });

  test('a list of all patients that is empty is trouble', async () => {
    const { list } = await open({ 'GET /Patient': bundle([]) });
    expect(await list()).toMatchObject({ outcome: 'unavailable', code: 'list_not_found' });
  });

  test('without an own clock of the EMR there is no watermark', async () => {
    const { page } = await open({
      'GET /Patient': { ...bundle([at('a', '10:00:00Z')]), headers: { date: 'x' } },
    });
    expect(await page()).toMatchObject({ watermark: null });
  });

  const NO_TIMES = [patient('a'), patient('b')];
  const ONE_TIME = [at('a', '10:00:00Z'), at('b', '10:00:00Z')];
  const FALLING = [at('b', '10:00:01Z'), at('a', '10:00:00Z')];

  test.each([
    ['no times', NO_TIMES],
    ['falling times', FALLING],
  ])('%s: the link of the server is followed', async (_, resources) => {
    const { page, server } = await open({
      'GET /Patient': [bundle(resources, next('Patient?_offset=2')), bundle([patient('c')])],
    });
    const { next: cursor } = await page();
    expect(ids(await page(cursor))).toEqual(['c']);
    expect(queriesOf(server)[1]).toEqual({ _offset: '2' });
  });

  test.each(['Patient?_count=100', 'Patient?_sort=_id&_count=100'])(
    'a server that says of itself %s did not sort: no earlier patient is passed over',
    async (self) => {
      const { page, server } = await open({
        'GET /Patient': [
          bundle([at('a', '10:00:00Z'), at('b', '10:00:01Z')], next('Patient?_offset=2', self)),
          bundle([at('c', '09:00:00Z'), at('d', '11:00:00Z')], next('Patient?_offset=4', self)),
          bundle([at('e', '08:00:00Z')]),
        ],
      });
      const first = await page();
      const second = await page(first.next);
      expect([first, second, await page(second.next)].flatMap(ids)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(queriesOf(server).map(({ _offset }) => _offset)).toEqual([undefined, '2', '4']);
    },
  );

  test('a whole page of one instant is passed by the link, and then by time again', async () => {
    const { page, server } = await open({
      'GET /Patient': [
        bundle(ONE_TIME, next('Patient?p=2')),
        bundle([...ONE_TIME, at('c', '10:00:00Z')], next('Patient?p=3')),
        bundle([at('d', '10:00:00Z'), at('e', '10:00:02Z')], next('Patient?p=4')),
        bundle([at('e', '10:00:02Z')]),
      ],
    });
    const pages = [await page()];
    while (pages.at(-1)?.next) pages.push(await page(pages.at(-1)?.next ?? null));
    expect(pages.map(ids)).toEqual([['a', 'b'], ['c'], ['d', 'e'], []]);
    expect(queriesOf(server).map(({ p, _lastUpdated }) => p ?? _lastUpdated)).toEqual([
      undefined,
      'ge2026-06-15T10:00:00.000Z',
      '3',
      'ge2026-06-15T10:00:02.000Z',
    ]);
  });

  test.each([
    ['a refusal of the search that it has forgotten', complaint(410), 'cursor_expired'],
    ['a refusal of a link that it does not know', complaint(400), 'cursor_expired'],
    ['a gateway that knows no such page', { status: 404 }, 'unexpected_status'],
    ['a smaller count: somebody was taken out', bundle([patient('c')], { total: 3 }), 'cursor_expired'],
    ['a count above what the pages gave', bundle([], { total: 4 }), 'answer_incomplete'],
  ] as [string, VendorAnswer, string][])('by links, %s: %#', async (_, answer, code) => {
    const { page, list } = await open({
      'GET /Patient': [bundle(NO_TIMES, { ...next('Patient?_offset=2'), total: 4 }), answer],
    });
    const { next: cursor } = await page();
    const outcome = await list(cursor);
    expect(outcome).toMatchObject({ outcome: 'unavailable' });
    if (code !== 'unexpected_status') expect(outcome).toMatchObject({ code });
    else expect(outcome).not.toMatchObject({ code: 'cursor_expired' });
  });

  test.each(['https://other.example/Patient?p=2', 'Patient?_sort=_lastUpdated&_count=100', ''])(
    'the link %j leads to no other page of the server',
    async (url) => {
      const { list } = await open({ 'GET /Patient': bundle(NO_TIMES, next(url)) });
      expect(await list()).toMatchObject({ outcome: 'unavailable', code: 'bad_answer' });
    },
  );

  test('a server that ignores the time gave another list', async () => {
    const { list } = await open({ 'GET /Patient': bundle([at('a', '10:00:00Z')]) });
    expect(await list(null, WATERMARK)).toMatchObject({ code: 'search_not_honoured' });
  });

  test('a cursor of another server is not known', async () => {
    const one = await open({ 'GET /Patient': bundle(NO_TIMES, next('Patient?p=2')) });
    const two = await open({ 'GET /Patient': bundle(NO_TIMES) });
    const { next: cursor } = await one.page();
    expect(await two.list(cursor)).toMatchObject({ code: 'cursor_expired' });
    expect(two.seen).toEqual([]);
  });

  test('one row for each MRN of the practice; none for numbers of before, of others, and that no payment can give', async () => {
    const identifier = [
      { system: SYSTEM, value: ' 1 ' },
      { system: SYSTEM, value: '2', use: 'usual' },
      { system: SYSTEM, value: '3', use: 'old' },
      { system: 'urn:other', value: '4' },
      { value: '5' },
      { system: SYSTEM, value: '6\u0000' },
      { system: SYSTEM, value: '7'.repeat(256) },
      { system: SYSTEM },
    ];
    const { page } = await open({
      'GET /Patient': bundle([patient('a', { identifier }), { resourceType: 'Patient', id: 'b' }]),
    });
    const active = { emrPatientId: 'a', state: 'active' };
    expect((await page()).patients).toEqual([
      { mrn: '1', ...active },
      { mrn: '2', ...active },
      { mrn: null, emrPatientId: 'b', state: 'active' },
    ]);
  });
});
