import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { findPosting } from './find-posting.ts';
import { fetchLists } from './lists.ts';
import { readFhirConnection } from './settings.ts';

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A FHIR server with the answers that the test gives it, by path and query; anything else is 404. */
async function fhirServer(answers: Record<string, unknown>) {
  const asked: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    // A search for a payment has another page size each time.
    const path = decodeURIComponent((request.url ?? '').replace('/fhir/', '')).replace(/&_count=\d+$/, '');
    asked.push({ path, headers: request.headers });
    const answer = answers[path];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/fhir+json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = readFhirConnection({
    userId: 1,
    adapter: 'fhir-r5',
    baseUrl: `${origin}/fhir`,
    credentials: { bearer_token: 'sesame' },
    settings: {},
    timeZone: 'UTC',
  });
  return { asked, answers, origin, connection };
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
  expect(await fetchLists(far.connection, options)).toEqual({
    methods: [
      { id: 's:1|C', name: 'Card' },
      { id: '|X', name: 'X' },
    ],
    locations: [
      { id: 'a', name: 'Name a', identifiers: ['1404'] },
      { id: 'c', name: 'c', identifiers: [] },
    ],
    unusable: ['Locations: entry 3', 'Locations: entry 4, Location/d'],
  });
});

test('from a server that cannot expand, the ValueSet and the CodeSystem that it includes are read', async () => {
  const far = await fhirServer({
    [LOCATIONS]: bundle([]),
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

test('of several entries with our id the earliest is named, voided or not', async () => {
  const far = await fhirServer({
    [SEARCH]: bundle([
      entry('12', ID, '2026-06-15T10:00:02Z'),
      { ...entry('9', ID, '2026-06-15T10:00:01Z'), status: 'entered-in-error' },
      entry('10', ID, '2026-06-15T10:00:01Z'),
    ]),
  });
  expect(await findPosting(far.connection, HINTS, options)).toEqual({
    outcome: 'found',
    emrTransactionId: '9',
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
