import { afterEach, expect, test, vi } from 'vitest';
import { demoPractice } from '../../demo-practice.ts';
import { officeForTest } from './office.fixture.ts';

afterEach(() => vi.useRealTimers());

const namesOf = (rows: { ItemName: string }[]) => rows.map(({ ItemName }) => ItemName);

test('payment types are the definitions of category 10 that are not hidden', async () => {
  const office = await officeForTest();
  const rows = await office.get('/definitions?Category=10');
  expect(rows[0]).toEqual({
    DefNum: 301,
    ItemName: 'Card',
    ItemValue: '',
    Category: 10,
    category: 'PaymentTypes',
    isHidden: 'false',
  });
  expect(namesOf(rows)).toEqual(demoPractice.payment_methods.map(({ name }) => name));
  expect(namesOf(await office.get('/definitions?Category=10&includeHidden=true'))).toContain('Old Terminal');
  expect(namesOf(await office.get('/definitions?Category=32'))).toContain('Card');
});

test.each(['/definitions', '/definitions?category=PaymentTypes', '/definitions?Category=PaymentTypes'])(
  '%s gives 100 rows of every category, and no payment type among them',
  async (path) => {
    const office = await officeForTest();
    const rows: { Category: number }[] = await office.get(path);
    expect(rows).toHaveLength(100);
    expect(rows.some(({ Category }) => Category === 10)).toBe(false);
  },
);

test('clinics are the locations; an office without the feature has none, and takes no clinic', async () => {
  const office = await officeForTest();
  expect((await office.get('/clinics'))[1]).toMatchObject({
    ClinicNum: 2,
    Description: 'Riverside Clinic',
    Abbr: '1405',
    IsHidden: 'false',
  });
  const small = await officeForTest({ seed: { ...demoPractice, locations: [] } });
  expect(await small.get('/clinics')).toEqual([]);
  expect((await small.pay()).body).toBe('ClinicNum is invalid.');
  expect((await small.pay({ ClinicNum: '0' })).json().ClinicNum).toBe('0');
});

test('a search for patients is partial and without case: more than one can fit a chart number', async () => {
  const office = await officeForTest();
  const patNums = async (query: string) =>
    (await office.get(`/patients?${query}`)).map(({ PatNum }: { PatNum: number }) => PatNum);
  expect(await patNums('ChartNumber=mrn-12345')).toEqual([1]);
  expect(await patNums('ChartNumber=MRN-1234')).toEqual([1, 2, 3, 4, 5]);
  expect(await patNums('LName=sampl')).toEqual([2]);
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
