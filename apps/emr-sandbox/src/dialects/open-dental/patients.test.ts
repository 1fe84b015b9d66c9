import { afterEach, expect, test, vi } from 'vitest';
import { PHI_MARKS } from '../../patients/person.ts';
import { practiceOf } from '../../testing/walk.ts';
import { officeForTest } from './office.fixture.ts';

afterEach(() => vi.useRealTimers());

type Office = Awaited<ReturnType<typeof officeForTest>>;

const patNums = async (office: Office, query: string) =>
  (await office.get(`/patients?${query}`)).map(({ PatNum }: { PatNum: number }) => PatNum);

const change = (office: Office, patNum: number | string, body: object) =>
  office.app.inject({ method: 'PUT', url: `/sandbox/open-dental/patients/${patNum}`, body });

test('a search for patients is partial and without case: more than one can fit a chart number', async () => {
  const office = await officeForTest();
  expect(await patNums(office, 'ChartNumber=mrn-12345')).toEqual([1]);
  expect(await patNums(office, 'ChartNumber=MRN-1234')).toEqual([1, 2, 3, 4, 5]);
  expect(await patNums(office, 'LName=sampl')).toEqual([2]);
  expect(await office.get('/patients/2')).toMatchObject({ PatNum: 2, ChartNumber: 'MRN-12346' });
  expect((await office.call('GET', '/patients/99')).statusCode).toBe(404);
});

test('patients/Simple gives those that were changed since, ignores ChartNumber, and says what time it is', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-06-15T12:00:00Z') });
  const office = await officeForTest();
  expect(await office.get('/patients/Simple?ChartNumber=MRN-12345')).toHaveLength(5);
  vi.setSystemTime(new Date('2026-06-15T13:00:00Z'));
  await office.app.inject({
    method: 'PUT',
    url: '/fhir/Patient/pat-9',
    headers: { authorization: 'Bearer sesame' },
    body: { resourceType: 'Patient', id: 'pat-9', identifier: [{ value: 'MRN-9' }] },
  });
  const rows = await office.get(`/patients/Simple?DateTStamp=${encodeURIComponent('2026-06-15 08:30:00')}`);
  expect(rows).toEqual([
    expect.objectContaining({ PatNum: 6, ChartNumber: 'MRN-9', serverDateTime: '2026-06-15 09:00:00' }),
  ]);
  expect((await office.call('GET', '/patients/Simple?DateTStamp=yesterday')).statusCode).toBe(400);
});

test('a filter that a search does not know is ignored: the first hundred patients come back', async () => {
  const office = await officeForTest();
  expect(await patNums(office, 'chartNumber=MRN-12345')).toEqual([1, 2, 3, 4, 5]);
  expect(await patNums(office, 'PatNum=3')).toEqual([1, 2, 3, 4, 5]);
  expect(await patNums(office, 'ChartNumber=MRN-1234&Limit=2&Offset=1')).toEqual([2, 3]);
});

test('a person at the office gives two patients the same chart number; it has at most 15 characters', async () => {
  const office = await officeForTest();
  expect((await change(office, 2, { ChartNumber: 'MRN-12345' })).json()).toMatchObject({
    PatNum: 2,
    ChartNumber: 'MRN-12345',
  });
  expect(await patNums(office, 'ChartNumber=MRN-12345')).toEqual([1, 2]);
  expect(await office.get('/patients/2')).toMatchObject({ ChartNumber: 'MRN-12345', PatStatus: 'Patient' });
  expect((await change(office, 2, { ChartNumber: 'C'.repeat(16) })).statusCode).toBe(400);
  expect((await change(office, 2, { LName: 'Other' })).statusCode).toBe(400);
  expect((await change(office, 2, { PatStatus: 'Gone' })).statusCode).toBe(400);
  expect((await change(office, 99, {})).statusCode).toBe(404);
});

test('a search leaves out archived and deceased patients, unless showArchived is true', async () => {
  const office = await officeForTest();
  await change(office, 1, { PatStatus: 'Archived' });
  await change(office, 2, { PatStatus: 'Deceased' });
  await change(office, 3, { PatStatus: 'Inactive' });
  expect(await patNums(office, 'ChartNumber=MRN')).toEqual([3, 4, 5]);
  expect(await patNums(office, 'showArchived=false&hideInactive=true')).toEqual([4, 5]);
  expect(await patNums(office, 'showArchived=true')).toEqual([1, 2, 3, 4, 5]);
  expect((await office.call('GET', '/patients?showArchived=yes')).statusCode).toBe(400);
  expect(await office.get('/patients/Simple?PatStatus=Inactive')).toEqual([
    expect.objectContaining({ PatNum: 3 }),
  ]);
  expect((await office.call('GET', '/patients/Simple?PatStatus=Deleted')).statusCode).toBe(400);
});

test('a deleted patient is in no list, and takes no payment', async () => {
  const office = await officeForTest();
  await change(office, 1, { PatStatus: 'Deleted' });
  expect(await patNums(office, 'showArchived=true')).toEqual([2, 3, 4, 5]);
  expect(await office.get('/patients/Simple')).toHaveLength(4);
  expect(await office.get('/patients/1')).toMatchObject({ PatStatus: 'Deleted' });
  expect(await office.pay()).toMatchObject({
    statusCode: 400,
    body: 'The patient is deleted and cannot be modified.',
  });
  await change(office, 1, { PatStatus: 'Archived' });
  expect((await office.pay()).statusCode).toBe(201);
});

test('a merged patient is archived, in no search, and in the list of changes', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-06-15T12:00:00Z') });
  const office = await officeForTest();
  const { merge } = practiceOf(office.app);
  await merge('pat-1001', 'pat-1002');
  expect(await patNums(office, 'showArchived=true')).toEqual([2, 3, 4, 5]);
  expect(await office.get('/patients/1')).toMatchObject({ PatStatus: 'Archived' });
  const rows = await office.get(`/patients/Simple?DateTStamp=${encodeURIComponent('2026-06-15 08:00:00')}`);
  expect(rows.map(({ PatNum, PatStatus }: Record<string, unknown>) => [PatNum, PatStatus])).toEqual([
    [1, 'Archived'],
    [2, 'Patient'],
  ]);
});

test('Offset leads through many patients, a hundred at once, and each has the marks of PHI', async () => {
  const office = await officeForTest({ patients: 450 });
  const seen = new Set<number>();
  for (;;) {
    const rows = await office.get(`/patients/Simple?Limit=1000&Offset=${seen.size}`);
    if (rows.length === 0) break;
    expect(rows.length).toBeLessThanOrEqual(100);
    for (const row of rows) seen.add(row.PatNum);
    const text = JSON.stringify(rows[0]);
    for (const mark of PHI_MARKS.filter((each) => each !== '07/15/1931')) expect(text).toContain(mark);
  }
  expect(seen.size).toBe(455);
  expect(await patNums(office, 'ChartNumber=made-000450')).toEqual([1_000_450]);
});
