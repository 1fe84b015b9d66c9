import { expect, test } from 'vitest';
import { demoPractice } from '../../demo-practice.ts';
import { officeForTest } from './office.fixture.ts';

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
