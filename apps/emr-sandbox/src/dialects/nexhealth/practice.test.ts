import { expect, test } from 'vitest';
import { nexhealthForTest, PLACE } from './nexhealth.fixture.ts';

test('a patient is found by the number of the EMR', async () => {
  const { get } = await nexhealthForTest();
  const { data } = (await get(`/patients?${PLACE}&foreign_id=MRN-12346`)).json();
  expect(data).toMatchObject([{ id: 2, foreign_id: 'MRN-12346', name: 'Blaise Sample', inactive: false }]);
  expect((await get(`/patients?${PLACE}&foreign_id=MRN-1234`)).json().data).toEqual([]);
});

test('payment types come in pages of five', async () => {
  const { get } = await nexhealthForTest();
  const first = (await get(`/payment_types?${PLACE}`)).json();
  expect(first.data).toHaveLength(5);
  expect(first.data[1]).toMatchObject({ id: 2, name: 'Cash', active: true });
  const rest = (await get(`/payment_types?${PLACE}&end_cursor=${first.page_info.end_cursor}`)).json();
  expect([rest.data.length, rest.data[0].name, rest.page_info.has_next_page]).toEqual([
    1,
    'HSA/FSA Card',
    false,
  ]);
  expect((await get(`/payment_types?${PLACE}&active=false`)).json().data).toEqual([]);
});

test('locations come in their institution', async () => {
  const { get } = await nexhealthForTest();
  const { data, count } = (await get('/locations?subdomain=demo-practice')).json();
  expect(count).toBe(1);
  expect(data[0]).toMatchObject({
    subdomain: 'demo-practice',
    locations: [
      { id: 1, name: 'Main Street Clinic', foreign_id: '1404', tz: 'America/New_York', inactive: false },
      { id: 2, foreign_id: '1405' },
      { id: 3, foreign_id: '1406' },
    ],
  });
  expect((await get('/locations?subdomain=other')).json().data).toEqual([]);
  expect((await get('/locations?foreign_id=1405')).json().data[0].locations).toHaveLength(1);
});

test('a practice that is not connected accepts payments, and writes them when it is', async () => {
  const { get, pay, rows, control } = await nexhealthForTest();
  await control({ write_status: 'red' });
  expect((await get('/sync_status?subdomain=demo-practice')).json().data[0].write_status).toBe('red');
  expect((await pay()).statusCode).toBe(202);
  expect((await rows()).data).toEqual([]);
  await control({ write_status: 'green' });
  expect((await rows()).data).toHaveLength(1);
  expect((await get('/sync_status?write_status=red')).json().data).toEqual([]);
});
