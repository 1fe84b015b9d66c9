import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import type { ListPatientsOutcome } from '../../patients.ts';
import { type Asked, type Office, openOffice, type Row } from './office.fixture.ts';

let office: Office;
afterEach(() => office?.close());

const NOW = '2026-06-15 09:05:42';
/** Two hours before `NOW`. */
const WATERMARK = '2026-06-15 07:05:42';

const patient = (PatNum: number | string, change: Row = {}): Row => ({
  serverDateTime: NOW,
  PatNum,
  LName: 'Smith',
  PatStatus: 'Patient',
  SSN: '632458956',
  ChartNumber: `C-${PatNum}`,
  ...change,
});
const patients = (count: number, from = 1) =>
  Array.from({ length: count }, (_, place) => patient(from + place));

/** The office's list, a hundred rows at a time, as `rows` has it at the moment of the request. */
const paged =
  (rows: () => readonly Row[]) =>
  ({ query }: Asked) => {
    const offset = Number(query.get('Offset'));
    return { body: rows().slice(offset, offset + Number(query.get('Limit'))) };
  };

async function officeWith(rows: () => readonly Row[], settings: Row = { mrn_field: 'ChartNumber' }) {
  office = await openOffice({ settings });
  office.answers['/patients/Simple'] = paged(rows);
  const list = async (cursor: string | null = null, since: string | null = null) =>
    (await office.adapter.listPatients?.({ since, cursor }, quiet())) as ListPatientsOutcome;
  const page = async (cursor: string | null = null, since: string | null = null) => {
    const outcome = await list(cursor, since);
    if (outcome.outcome !== 'page') throw new Error(JSON.stringify(outcome));
    return outcome;
  };
  return { list, page };
}
const queries = () => office.asked.map(({ query }) => Object.fromEntries(query));
const ids = ({ patients: listed }: { patients: readonly { emrPatientId: string }[] }) =>
  listed.map(({ emrPatientId }) => Number(emrPatientId));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, place) => from + place);

test('pages of a hundred, each of which begins with the last row of the one before', async () => {
  const { page } = await officeWith(() => patients(150));
  const first = await page();
  const second = await page(first.next);
  expect([ids(first), ids(second)]).toEqual([range(1, 100), range(101, 150)]);
  expect([first.watermark, second.watermark, second.next]).toEqual([WATERMARK, WATERMARK, null]);
  expect(queries()).toEqual([
    { Offset: '0', Limit: '100' },
    { Offset: '99', Limit: '100' },
  ]);
});

test('a run of changes asks for those since the watermark; another text is none', async () => {
  const { page } = await officeWith(() => patients(1));
  await page(null, WATERMARK);
  await page(null, '2026-06-15T07:05:42.000Z');
  expect(queries().map(({ DateTStamp }) => DateTStamp)).toEqual([WATERMARK, undefined]);
});

test('nobody has changed: an empty page, and the watermark of before', async () => {
  const { page, list } = await officeWith(() => []);
  expect(await page(null, WATERMARK)).toEqual({
    outcome: 'page',
    patients: [],
    unreadable: 0,
    next: null,
    watermark: WATERMARK,
  });
  expect(await list()).toMatchObject({ outcome: 'unavailable', code: 'list_not_found' });
});

test.each([
  ['Patient', 'active'],
  ['Inactive', 'active'],
  ['Deceased', 'active'],
  ['Archived', 'closed'],
  ['Deleted', 'closed'],
])('%s is %s', async (PatStatus, state) => {
  const { page } = await officeWith(() => [patient(1, { PatStatus })]);
  expect((await page()).patients).toEqual([{ mrn: 'C-1', emrPatientId: '1', state }]);
});

test('the MRN is the number that mrn_field names, as payments give it', async () => {
  const rows = [
    patient(1, { ChartNumber: ' 7 ' }),
    patient(2, { ChartNumber: '' }),
    patient('9223372036854775807'),
  ];
  const { page } = await officeWith(() => rows);
  expect((await page()).patients.map(({ mrn }) => mrn)).toEqual(['7', null, 'C-9223372036854775807']);
  office.close();
  const byKey = await officeWith(() => rows, {});
  expect((await byKey.page()).patients.map(({ mrn }) => mrn)).toEqual(['1', '2', '9223372036854775807']);
});

test.each([
  ['removed', (rows: Row[]) => rows.filter(({ PatNum }) => Number(PatNum) > 5), range(101, 150)],
  ['added', (rows: Row[]) => [patient(0), ...rows], range(101, 150)],
])('rows %s before the place between two calls pass nobody over', async (_, change, expected) => {
  let rows = patients(150);
  const { page } = await officeWith(() => rows);
  const { next } = await page();
  rows = change(rows);
  const pages = [await page(next)];
  while (pages.at(-1)?.next) pages.push(await page(pages.at(-1)?.next ?? null));
  expect(pages.flatMap(ids)).toEqual(expected);
});

test('the last row of the page before is gone: the list is read again', async () => {
  let rows = patients(150);
  const { page, list } = await officeWith(() => rows);
  const { next } = await page();
  rows = rows.filter(({ PatNum }) => PatNum !== 100);
  expect(await list(next)).toMatchObject({ outcome: 'unavailable', code: 'cursor_expired' });
});

test('rows without a key at the end of a page are counted once', async () => {
  const rows = [...patients(98), patient('x'), patient('y'), ...patients(3, 101)];
  const { page } = await officeWith(() => rows);
  const first = await page();
  const second = await page(first.next);
  expect([first.unreadable, second.unreadable]).toEqual([0, 2]);
  expect([...ids(first), ...ids(second)]).toEqual([...range(1, 98), ...range(101, 103)]);
});

test('a server that ignores the offset gives no second page', async () => {
  const { page, list } = await officeWith(() => patients(100));
  const { next } = await page();
  office.answers['/patients/Simple'] = () => ({ body: patients(100) });
  expect(await list(next)).toMatchObject({ outcome: 'unavailable', code: 'answer_not_understood' });
});

test('a cursor of another office is not known', async () => {
  const { page } = await officeWith(() => patients(150));
  const { next } = await page();
  office.close();
  const other = await officeWith(() => patients(150));
  expect(await other.list(next)).toMatchObject({ code: 'cursor_expired' });
  expect(office.asked).toEqual([]);
});
