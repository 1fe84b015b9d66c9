import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { somePosting } from '../../testing/vendor-server.fixture.ts';
import { candidAt, ENTRY_ID, entry } from './candid.fixture.ts';

const posting = somePosting({ method: { id: 'check', name: 'Check' } });
const answered = async (status: number, body: unknown) => {
  const { adapter } = await candidAt({ 'POST /api/patient-payments/v4': { status, body } });
  return adapter.post(posting, sending());
};
const error = (errorName: string, content: object) => ({ errorName, content });

test.each([
  [404, error('EntityNotFoundError', { id: '415' }), 'unknown_patient'],
  [404, error('EntityNotFoundError', { id: 'another' }), 'emr_refused'],
  [422, error('UnprocessableEntityError', { message: 'Jane Doe has no balance' }), 'emr_refused'],
] as const)('%i with %j is refused as %s, and names the error', async (status, body, code) => {
  const refused = await answered(status, body);
  expect(refused).toMatchObject({ outcome: 'refused', code });
  expect(refused).toHaveProperty(
    'reason',
    expect.stringContaining(`The EMR answered HTTP ${status}, ${body.errorName}.`),
  );
  expect(refused).not.toHaveProperty('reason', expect.stringContaining('Jane'));
});

test('the vendor’s own message is kept apart', async () => {
  const refused = await answered(422, error('UnprocessableEntityError', { message: 'Jane Doe' }));
  expect(refused).toHaveProperty('emrText', 'Jane Doe');
});

test.each([
  ['a gateway’s page', 404, '<html></html>', 'answer_not_understood'],
  ['an error of another status', 422, error('EntityNotFoundError', { id: '415' }), 'answer_not_understood'],
  ['an error that is not documented', 422, error('SomeError', {}), 'answer_not_understood'],
  ['a 400', 400, error('UnprocessableEntityError', {}), 'unexpected_status'],
  ['a 409', 409, error('ConflictError', {}), 'conflict'],
  ['a 500', 500, error('InternalError', {}), 'emr_error'],
  ['a 201', 201, entry(), 'bad_answer'],
  ['no entry', 200, {}, 'bad_answer'],
  ['nothing', 200, '', 'bad_answer'],
  ['an amount that is none', 200, entry({ amount_cents: 1.5 }), 'bad_answer'],
])('%s with HTTP %i proves nothing', async (_name, status, body, code) => {
  expect(await answered(status, body)).toMatchObject({ outcome: 'unknown', code });
});

test.each([
  [{ amount_cents: 3501 }, 'another amount'],
  [{ patient_external_id: '416' }, 'another patient'],
  [{ source_internal_id: 'other' }, 'another payment id'],
  [{ payment_timestamp: '2026-06-16T12:00:00Z' }, 'another deposit date'],
])('a 200 whose entry is not the payment, %j, differs', async (change, difference) => {
  expect(await answered(200, entry(change))).toEqual({
    outcome: 'differs',
    emrTransactionId: ENTRY_ID,
    difference,
  });
});

test('an entry that repeats neither our id nor the day is the payment', async () => {
  const { source_internal_id: _, payment_timestamp: __, ...without } = entry();
  expect(await answered(200, without)).toEqual({ outcome: 'posted', emrTransactionId: ENTRY_ID });
});

test('403 and 429 are not sent: rights can be given, and the limit ends', async () => {
  expect(await answered(403, error('UnauthorizedError', { message: 'No.' }))).toMatchObject({
    outcome: 'not_sent',
    code: 'forbidden',
  });
  expect(await answered(429, error('TooManyRequestsError', { message: 'Slow.' }))).toMatchObject({
    outcome: 'not_sent',
    code: 'rate_limited',
  });
});
