import { afterEach, expect, test, vi } from 'vitest';
import { officeForTest } from './office.fixture.ts';

afterEach(() => vi.useRealTimers());

/** Sets the clock alone: the sandbox's own timers run on. */
function at(instant: string) {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(instant) });
}

const numbers = (rows: { PayNum: number }[]) => rows.map(({ PayNum }) => PayNum - 13_969_262);

test('payments are listed by patient, type and entry date, the oldest first', async () => {
  const office = await officeForTest();
  await office.pay();
  await office.pay({ PatNum: 2 });
  await office.pay({ PayType: 302 });
  expect(numbers(await office.get('/payments'))).toEqual([0, 1, 2]);
  expect(numbers(await office.get('/payments?PatNum=1'))).toEqual([0, 2]);
  expect(numbers(await office.get('/payments?PatNum=1&PayType=302'))).toEqual([2]);
  expect(await office.get('/payments?PatNum=5')).toEqual([]);
});

test('DateEntry is the day in the office, on or after', async () => {
  const office = await officeForTest();
  // 22:30 of the 14th in New York.
  at('2026-06-15T02:30:00Z');
  const row = (await office.pay({ PayDate: '2026-06-01' })).json();
  expect(row).toMatchObject({ DateEntry: '2026-06-14', SecDateTEdit: '2026-06-14 22:30:00' });
  expect(numbers(await office.get('/payments?DateEntry=2026-06-14'))).toEqual([0]);
  expect(await office.get('/payments?DateEntry=2026-06-15')).toEqual([]);
  const [listed] = await office.get('/payments');
  expect(listed.serverDateTime).toBe('2026-06-14 22:30:00');
  // Today in the office is still the 14th.
  expect((await office.pay({ PayDate: '2026-06-15' })).body).toBe('PayDate cannot be in the future.');
  expect((await office.pay({ PayDate: undefined })).json().PayDate).toBe('2026-06-14');
});

test('a page has at most 100 rows, whatever the limit, and Offset goes on', async () => {
  const office = await officeForTest();
  for (let each = 0; each < 103; each += 1) await office.pay();
  expect(await office.get('/payments')).toHaveLength(100);
  expect(await office.get('/payments?Limit=1000')).toHaveLength(100);
  expect(numbers(await office.get('/payments?Offset=100'))).toEqual([100, 101, 102]);
  expect(numbers(await office.get('/payments?Offset=1&Limit=2'))).toEqual([1, 2]);
});

test('a filter that the API does not know is ignored without a word', async () => {
  const office = await officeForTest();
  await office.pay();
  await office.pay({ PatNum: 2 });
  expect(await office.get('/payments?patNum=1&PayNote=x&paymentId=y')).toHaveLength(2);
});

test.each([
  ['/payments?PatNum=99', 404, 'Patient not found.'],
  ['/payments?PatNum=one', 400, 'PatNum is invalid.'],
  ['/payments?DateEntry=06/15/2026', 400, 'DateEntry must be in the format yyyy-MM-dd.'],
  ['/payments?Offset=-1', 400, 'Offset is invalid.'],
])('%s is answered with %i: %s', async (path, status, text) => {
  const office = await officeForTest();
  const answer = await office.call('GET', path);
  expect([answer.statusCode, answer.body]).toEqual([status, text]);
});

test('a list shows a new payment after the delay that the pace sets', async () => {
  at('2026-06-15T12:00:00Z');
  const office = await officeForTest({ pace: { limits: 'raised', later_ms: 5000 } });
  await office.pay();
  expect(await office.get('/payments')).toEqual([]);
  at('2026-06-15T12:00:05Z');
  expect(await office.get('/payments')).toHaveLength(1);
});

test('where searches are refused, so is this one', async () => {
  const office = await officeForTest({
    capabilities: { conditional_create: true, search: false, books_closed_before: null },
  });
  expect((await office.call('GET', '/payments')).statusCode).toBe(403);
});

test('a payment that came through another dialect is listed as well', async () => {
  const office = await officeForTest();
  await office.create(
    { ...(await import('../../testing/sandbox.ts')).goodPayment },
    { authorization: 'Bearer sesame' },
  );
  expect(await office.get('/payments?PatNum=1')).toEqual([
    expect.objectContaining({ PayAmt: '350', payType: 'Card', ClinicNum: '1', PaymentSource: 'None' }),
  ]);
});
