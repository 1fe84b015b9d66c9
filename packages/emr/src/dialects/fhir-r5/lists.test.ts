import { afterEach, expect, test } from 'vitest';
import { foundAs } from '../../conformance/rule.ts';
import { findPosting } from '../../fhir/find-posting.ts';
import { fetchLists, readLists } from '../../fhir/lists.ts';
import { Answered, type AnsweringServer, openAnsweringServer } from './answering-server.fixture.ts';

const servers: AnsweringServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function fhirServer(answers: Record<string, unknown>): Promise<AnsweringServer> {
  const server = await openAnsweringServer(answers);
  servers.push(server);
  return server;
}

const options = { signal: new AbortController().signal };
const bundle = (resources: object[], next?: string) => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: next === undefined ? [] : [{ relation: 'next', url: next }],
  entry: resources.map((resource) => ({ resource })),
});
const place = (id: string, more: object = {}) => ({
  resourceType: 'Location',
  id,
  name: `Name ${id}`,
  ...more,
});
const EXPAND = 'ValueSet/$expand?url=urn:emr-payments:payment-methods';
const VALUE_SET = 'ValueSet?url=urn:emr-payments:payment-methods';
const LOCATIONS = 'Location?_count=200';
const expansion = {
  resourceType: 'ValueSet',
  expansion: { contains: [{ system: 's:1', code: 'C', display: 'Card' }, { code: 'X' }] },
};

test('methods come from the expansion, locations from all pages, closed ones left out', async () => {
  const far = await fhirServer({ [EXPAND]: expansion });
  far.answers[LOCATIONS] = bundle(
    [place('a', { identifier: [{ value: '1404' }] })],
    `${far.origin}/fhir/Location?page=2`,
  );
  far.answers['Location?page=2'] = bundle([
    place('b', { status: 'inactive' }),
    place('c', { name: undefined }),
    { resourceType: 'OperationOutcome' },
    place('d', { name: ['Annex'] }),
    { resourceType: 'OperationOutcome', issue: [{ severity: 'information', code: 'informational' }] },
  ]);
  expect(await readLists(far.connection, options)).toEqual({
    ok: true,
    lists: {
      methods: [
        { id: 's:1|C', name: 'Card' },
        { id: '|X', name: 'X' },
      ],
      locations: [
        { id: 'a', name: 'Name a', identifiers: ['1404'] },
        { id: 'c', name: 'c', identifiers: [] },
      ],
    },
    unusable: ['Locations: entry 3', 'Locations: entry 4, Location/d', "Locations: 'Name b' (b) is inactive"],
  });
});

test('from a server that cannot expand, the ValueSet and the CodeSystem that it includes are read', async () => {
  const far = await fhirServer({
    [LOCATIONS]: bundle([place('a')]),
    [VALUE_SET]: bundle([
      {
        resourceType: 'ValueSet',
        compose: {
          include: [{ system: 's:1' }, { system: 's:2', concept: [{ code: 'P', display: 'Portal' }] }],
        },
      },
    ]),
    'CodeSystem?url=s:1': bundle([{ resourceType: 'CodeSystem', concept: [{ code: 'C', display: 'Card' }] }]),
  });
  expect(await fetchLists(far.connection, options)).toMatchObject({
    methods: [
      { id: 's:1|C', name: 'Card' },
      { id: 's:2|P', name: 'Portal' },
    ],
  });
});

test('a next page on another server is not followed: the token stays here', async () => {
  const other = await fhirServer({});
  const far = await fhirServer({
    [EXPAND]: expansion,
    [LOCATIONS]: bundle([place('a')], `${other.origin}/fhir/Location`),
  });
  expect(await fetchLists(far.connection, options)).toMatchObject({ code: 'bad_answer' });
  expect(other.asked).toEqual([]);
  expect(far.asked.every(({ headers }) => headers.authorization === 'Bearer sesame')).toBe(true);
});

test('reading ends when the pages form a circle', async () => {
  const far = await fhirServer({ [EXPAND]: expansion });
  far.answers[LOCATIONS] = bundle([place('a')], `${far.origin}/fhir/${LOCATIONS}`);
  expect(await fetchLists(far.connection, options)).toMatchObject({ code: 'answer_too_large' });
});

test.each([
  ['a log-in page', '<html></html>'],
  ['another resource', { resourceType: 'Patient' }],
  ['a Bundle of another type', { resourceType: 'Bundle', type: 'history' }],
])('%s in place of a list is trouble', async (_name, answer) => {
  const far = await fhirServer({ [EXPAND]: expansion, [LOCATIONS]: answer });
  expect(await fetchLists(far.connection, options)).toMatchObject({ code: 'bad_answer' });
});

test('a list that the EMR calls incomplete is trouble: a name that it lacks may exist', async () => {
  const remark = { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'too-costly' }] };
  const far = await fhirServer({ [EXPAND]: expansion, [LOCATIONS]: bundle([place('a'), remark]) });
  expect(await fetchLists(far.connection, options)).toMatchObject({ code: 'answer_incomplete' });
});

test('Locations that no payment can use are named, and one that comes twice is one', async () => {
  const far = await fhirServer({
    [EXPAND]: expansion,
    [LOCATIONS]: {
      ...bundle([
        place('a'),
        place('a', { name: 'Another name' }),
        place('a'),
        place('b', { name: 'Name a' }),
        place('c', { status: 'suspended' }),
        place('d', { mode: 'kind' }),
        place('e', { mode: 'instance', status: null, name: ' ', identifier: null }),
        place('f', { status: 'x'.repeat(99) }),
      ]),
      total: 10,
    },
  });
  const read = await readLists(far.connection, options);
  if (!read.ok) throw new Error(read.trouble.detail);
  expect(read.lists.locations.map(({ id, name }) => [id, name])).toEqual([
    ['a', 'Name a'],
    ['b', 'Name a'],
    ['e', 'e'],
  ]);
  expect(read.unusable).toEqual([
    'Locations: 2 that the EMR counts and does not give',
    "Locations: 'Name c' (c) is suspended",
    "Locations: 'Name d' (d) is a kind of locations and not one of them",
    "Locations: 'Name f' (f) is of an unknown status",
    "Locations: 'Another name' has the same id as 'Name a' (a)",
  ]);
});

const ID = 'a'.repeat(32);
const SEARCH = `PaymentReconciliation?identifier=urn:emr-payments:payment-id|${ID}`;
const HINTS = { paymentId: ID, emrPatientId: 'p1', amount: '350.10', depositDate: '2026-06-15' };
const entry = (id: string, value: string, created: string) => ({
  resourceType: 'PaymentReconciliation',
  id,
  created,
  amount: { value: 350.1, currency: 'USD' },
  paymentIssuer: { reference: 'Patient/p1' },
  date: '2026-06-15',
  identifier: [{ system: 'urn:emr-payments:payment-id', value }],
});

test('several entries with our id, voided or not, are shown with their sum', async () => {
  const far = await fhirServer({
    [SEARCH]: bundle([
      entry('12', ID, '2026-06-15T10:00:02Z'),
      { ...entry('9', ID, '2026-06-15T10:00:01Z'), status: 'entered-in-error' },
      entry('10', ID, '2026-06-15T10:00:01Z'),
    ]),
  });
  expect(await findPosting(far.connection, HINTS, options)).toEqual({
    outcome: 'several',
    rows: ['9', '10', '12'].map((id) => ({ id, amount: '350.10' })),
    sum: '1050.30',
  });
});

test('an entry on the first page is found although a later page cannot be read', async () => {
  const far = await fhirServer({});
  const page = (value: string, amount = 350.1) =>
    bundle(
      [{ ...entry('9', value, ''), amount: { value: amount, currency: 'USD' } }],
      `${far.origin}/fhir/PaymentReconciliation?page=2`,
    );
  far.answers['PaymentReconciliation?page=2'] = new Answered(503);
  far.answers[SEARCH] = page(ID);
  expect(await findPosting(far.connection, HINTS, options)).toEqual(foundAs('9', '350.10'));
  // The entry that is the payment may be on the page that is missing.
  far.answers[SEARCH] = page(ID, 1);
  expect(await findPosting(far.connection, HINTS, options)).toMatchObject({
    outcome: 'unavailable',
    code: 'emr_error',
  });
  far.answers[SEARCH] = page('b'.repeat(32));
  expect(await findPosting(far.connection, HINTS, options)).toMatchObject({ outcome: 'unavailable' });
});

test('an answer with a member twice proves no absence', async () => {
  const body = JSON.stringify(bundle([entry('1', ID, '')])).replace(/}$/, ',"entry":[]}');
  const far = await fhirServer({ [SEARCH]: body });
  expect(JSON.parse(body)).toMatchObject({ entry: [] });
  expect(await findPosting(far.connection, HINTS, options)).toMatchObject({
    outcome: 'unavailable',
    code: 'bad_answer',
  });
});

test('nothing found is absent', async () => {
  const far = await fhirServer({ [SEARCH]: bundle([]) });
  expect(await findPosting(far.connection, HINTS, options)).toEqual({ outcome: 'absent' });
});

test.each([
  ['only other payments', bundle([entry('1', 'b'.repeat(32), '')]), 'search_not_honoured'],
  [
    'our value under another system',
    bundle([{ ...entry('1', ID, ''), identifier: [{ system: 'x:y', value: ID }] }]),
    'search_not_honoured',
  ],
  ['no Bundle', { resourceType: 'OperationOutcome', issue: [] }, 'bad_answer'],
  ['no JSON', 'maintenance', 'bad_answer'],
])('a search that gives %s is no evidence of absence', async (_name, answer, code) => {
  const far = await fhirServer({ [SEARCH]: answer });
  expect(await findPosting(far.connection, HINTS, options)).toMatchObject({
    outcome: 'unavailable',
    code,
  });
});

test.each([
  ['location', { [EXPAND]: expansion, [LOCATIONS]: bundle([]) }],
  [
    'location',
    { [EXPAND]: expansion, [LOCATIONS]: { ...bundle([place('a', { status: 'inactive' })]), total: 5 } },
  ],
  [
    'payment method',
    { [EXPAND]: { resourceType: 'ValueSet', expansion: {} }, [LOCATIONS]: bundle([place('a')]) },
  ],
])('a list without any %s is trouble: the EMR may have taken a right away', async (what, answers) => {
  const far = await fhirServer(answers);
  expect(await fetchLists(far.connection, options)).toEqual({
    code: 'list_not_found',
    detail: `The EMR lists no ${what}.`,
  });
});
