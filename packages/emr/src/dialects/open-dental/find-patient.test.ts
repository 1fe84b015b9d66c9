import { afterEach, expect, test } from 'vitest';
import type { RateBucket } from '../../calls.ts';
import { quiet } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { type Office, openOffice, type Row } from './office.fixture.ts';
import { contradiction } from './patient-id.ts';

let office: Office;
afterEach(() => office?.close());

/** A row as both calls give it, with what must not be kept. */
const patient = (change: Row = {}): Row => ({
  PatNum: 48,
  LName: 'Smith',
  FName: 'Jane',
  PatStatus: 'Patient',
  Birthdate: '1976-05-24',
  SSN: '632458956',
  ChartNumber: 'C-0048',
  ...change,
});

/** The list as the vendor's search gives it: those whose chart number has the text, in any case, `Limit` at a time. */
const searched = (rows: readonly Row[], query: URLSearchParams) => {
  const part = (query.get('ChartNumber') ?? '').toLowerCase();
  const offset = Number(query.get('Offset') ?? 0);
  const limit = Number(query.get('Limit') ?? 100);
  return rows
    .filter(({ ChartNumber }) => String(ChartNumber).toLowerCase().includes(part))
    .slice(offset, offset + limit);
};

async function officeWith(rows: readonly Row[], settings: Row = { mrn_field: 'ChartNumber' }) {
  office = await openOffice({ settings });
  office.answers['/patients'] = ({ query }) => ({ body: searched(rows, query) });
  for (const row of rows) office.answers[`/patients/${row.PatNum}`] = () => ({ body: row });
  return async (mrn: string) => office.adapter.findPatient?.({ mrn }, quiet());
}

const NOT_FOUND = { status: 404, headers: { 'content-type': 'text/plain' }, body: 'Patient not found.' };

test('by chart number: one exact hit is the patient, and nothing else of them is in the outcome', async () => {
  const find = await officeWith([patient(), patient({ PatNum: 49, ChartNumber: 'C-00481' })]);
  expect(await find('C-0048')).toEqual({ outcome: 'found', emrPatientId: '48' });
  const [{ path, query }] = office.asked as [Office['asked'][number]];
  expect([path, Object.fromEntries(query)]).toEqual([
    '/patients',
    { ChartNumber: 'C-0048', showArchived: 'true', Offset: '0', Limit: expect.any(String) },
  ]);
});

test('by chart number: a part of one, and one in another case, is not it', async () => {
  const find = await officeWith([patient(), patient({ PatNum: 49, ChartNumber: 'c-0048' })]);
  expect(await find('C-004')).toEqual({ outcome: 'none' });
  expect(await find('C-0048')).toEqual({ outcome: 'found', emrPatientId: '48' });
  expect(await find('c-0048')).toEqual({ outcome: 'found', emrPatientId: '49' });
  expect(await find('no such')).toEqual({ outcome: 'none' });
});

test('by chart number: white space at its ends does not count, as in no MRN', async () => {
  const find = await officeWith([patient({ ChartNumber: 'C-0048 ' })]);
  expect(await find('C-0048')).toEqual({ outcome: 'found', emrPatientId: '48' });
  office.close();
  const both = await officeWith([patient({ ChartNumber: 'C-0048 ' }), patient({ PatNum: 50 })]);
  expect(await both('C-0048')).toEqual({ outcome: 'several' });
});

test('by chart number: the same number twice is several, an archived one included', async () => {
  const find = await officeWith([patient(), patient({ PatNum: 50, PatStatus: 'Archived' })]);
  expect(await find('C-0048')).toEqual({ outcome: 'several' });
});

test('by chart number: the second one is on the last page, and hits are counted over all pages', async () => {
  const many = Array.from({ length: 250 }, (_, place) =>
    patient({ PatNum: 1000 + place, ChartNumber: `C-0048${place}` }),
  );
  const find = await officeWith([patient(), ...many]);
  expect(await find('C-0048')).toEqual({ outcome: 'found', emrPatientId: '48' });
  // The size of a page differs from search to search. Each page begins with the last row of the one before, and the last reaches the end.
  const limit = Number(office.asked[0]?.query.get('Limit'));
  const pages = Math.floor(many.length / (limit - 1)) + 1;
  expect(office.asked.map(({ query }) => Number(query.get('Offset')))).toEqual(
    Array.from({ length: pages }, (_, page) => page * (limit - 1)),
  );
  office.close();
  const twice = await officeWith([patient(), ...many, patient({ PatNum: 50 })]);
  expect(await twice('C-0048')).toEqual({ outcome: 'several' });
});

test('by chart number: a hit is none before the last page has been read', async () => {
  const many = Array.from({ length: 150 }, (_, place) =>
    patient({ PatNum: 1000 + place, ChartNumber: `C-0048${place}` }),
  );
  const rows = [patient(), ...many];
  const find = await officeWith(rows);
  office.answers['/patients'] = ({ query }) =>
    query.get('Offset') === '0'
      ? { body: searched(rows, query) }
      : { status: 429, headers: { 'retry-after': '7' }, body: 'Smith, Jane: too many requests.' };
  expect(await find('C-0048')).toMatchObject({
    outcome: 'unavailable',
    code: 'rate_limited',
    retryAfterMs: 7000,
  });
});

test('by chart number: a list without end is read for 50 pages, and proves nothing', async () => {
  const find = await officeWith([]);
  office.answers['/patients'] = ({ query }) => ({
    body: Array.from({ length: 100 }, (_, place) => {
      const number = Number(query.get('Offset')) + place + 1;
      return patient({ PatNum: number, ChartNumber: `C-0048-${number}` });
    }),
  });
  expect(await find('C-0048')).toEqual({
    outcome: 'unavailable',
    code: 'answer_incomplete',
    detail: "The EMR's list of patients could not be read to its end.",
  });
  expect(office.asked).toHaveLength(50);
});

test.each([
  ['a filter that was ignored', [patient(), patient({ PatNum: 50, ChartNumber: '' })], 'search_not_honoured'],
  ['a row that cannot be read', [patient(), patient({ PatNum: 'x' })], 'answer_not_understood'],
  ['a row without a status', [patient(), { PatNum: 50, ChartNumber: 'C-0048x' }], 'answer_not_understood'],
  ['a chart number that lost its zeros', [patient({ ChartNumber: 48 })], 'answer_not_understood'],
  ['a status that is not documented', [patient({ PatStatus: 'Merged' })], 'answer_not_understood'],
  ['no list', { rows: [] }, 'bad_answer'],
])('by chart number: %s: unavailable', async (_, body, code) => {
  const find = await officeWith([]);
  office.answers['/patients'] = () => ({ body });
  expect(await find('C-0048')).toMatchObject({ outcome: 'unavailable', code });
});

test('by chart number: `_` and `%` match more, and that is no ignored filter', async () => {
  const find = await officeWith([]);
  office.answers['/patients'] = () => ({
    body: [patient({ ChartNumber: 'SMITH_1' }), patient({ PatNum: 49, ChartNumber: 'SMITHX1' })],
  });
  expect(await find('SMITH_1')).toEqual({ outcome: 'found', emrPatientId: '48' });
  expect(await find('SMITH%')).toEqual({ outcome: 'none' });
});

test.each(['NonPatient', 'Inactive', 'Deceased', 'Prospective'])(
  'a patient with the status %s takes payments',
  async (PatStatus) => {
    const find = await officeWith([patient({ PatStatus })]);
    expect(await find('C-0048')).toEqual({ outcome: 'found', emrPatientId: '48' });
  },
);

test.each([
  ['Archived', 'The patient is archived in the EMR, as one is who was merged into another patient.'],
  ['Deleted', 'The patient is deleted in the EMR.'],
])('a patient with the status %s takes none', async (PatStatus, reason) => {
  const find = await officeWith([patient({ PatStatus })]);
  expect(await find('C-0048')).toEqual({ outcome: 'closed', reason });
  office.close();
  const findByPatNum = await officeWith([patient({ PatStatus })], {});
  expect(await findByPatNum('48')).toEqual({ outcome: 'closed', reason });
});

test('by PatNum, which is the default: one request for the one patient', async () => {
  const find = await officeWith([patient()], {});
  expect(await find('48')).toEqual({ outcome: 'found', emrPatientId: '48' });
  office.answers['/patients/49'] = () => NOT_FOUND;
  expect(await find('49')).toEqual({ outcome: 'none' });
  expect(office.asked.map(({ path }) => path)).toEqual(['/patients/48', '/patients/49']);
});

test.each(['', 'MRN-12345', '048', '48/Simple', '../payments', '9223372036854775808', '48?x'])(
  'by PatNum: %j is no PatNum, so it is nobody, and nothing is asked',
  async (mrn) => {
    const find = await officeWith([patient()], {});
    expect(await find(mrn)).toEqual({ outcome: 'none' });
    expect(office.asked).toEqual([]);
  },
);

test('an empty MRN lists no patients', async () => {
  const find = await officeWith([patient({ ChartNumber: '' })]);
  expect(await find('')).toEqual({ outcome: 'none' });
  expect(office.asked).toEqual([]);
});

test.each([
  ['another patient', { body: patient({ PatNum: 49 }) }, 'search_not_honoured'],
  ['a list', { body: [patient()] }, 'answer_not_understood'],
  ['a patient from a cache', { headers: { age: '60' }, body: patient() }, 'answer_cached'],
  ['404 of a cache', { ...NOT_FOUND, headers: { ...NOT_FOUND.headers, age: '60' } }, 'answer_cached'],
  ['404 of a wrong address', { ...NOT_FOUND, body: 'patients is not a valid resource.' }, /./],
  ['404 of a gateway', { ...NOT_FOUND, body: '<html>No such patient</html>' }, /./],
  ['404 about something else', { ...NOT_FOUND, body: 'The office is not connected.' }, /./],
  ['404 without words', { ...NOT_FOUND, body: '' }, /./],
  ['504', { status: 504, body: 'Patient 48 timed out.' }, 'emr_error'],
])('by PatNum: %s: unavailable', async (_, answer, code) => {
  const find = await officeWith([], {});
  office.answers['/patients/48'] = () => answer;
  expect(await find('48')).toMatchObject({
    outcome: 'unavailable',
    code: code instanceof RegExp ? expect.stringMatching(code) : code,
  });
});

test('every call counts against the limit of the pair of keys', async () => {
  const taken: RateBucket['key'][] = [];
  const take = async ({ key }: RateBucket) => {
    taken.push(key);
    return { granted: true as const };
  };
  const local = localAdapterDeps();
  const deps = { ...local, calls: { ...local.calls, take } };
  office = await openOffice({ settings: { mrn_field: 'ChartNumber' }, deps });
  office.answers['/patients'] = () => ({ body: [] });
  await office.adapter.findPatient?.({ mrn: 'C-0048' }, quiet());
  expect(taken).toEqual([office.adapter.bucket?.key]);
});

test.each([
  [{}, '48', '49', false],
  [{ mrn_field: 'PatNum' }, '48', '49', false],
  [{}, '48', '48', true],
  // No PatNum: a name of the integrator's own.
  [{}, 'MRN-48', '49', true],
  [{}, '0048', '49', true],
  [{ mrn_field: 'ChartNumber' }, '48', '49', true],
])('with the settings %j a row with the MRN %s and the PatNum %s agrees: %s', (settings, mrn, id, agrees) => {
  expect(contradiction({ mrn, emrPatientId: id }, { settings }) === null).toBe(agrees);
});
