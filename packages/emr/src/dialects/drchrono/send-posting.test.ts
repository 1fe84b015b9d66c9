import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { somePosting } from '../../testing/vendor-server.fixture.ts';
import { drchronoAt, row } from './drchrono.fixture.ts';

const answered = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const { adapter } = await drchronoAt({ 'POST /api/patient_payments': { status, body, headers } });
  return adapter.post(somePosting(), sending());
};

test.each([
  [{ patient: ['Invalid pk "415" - object does not exist.'] }, 'unknown_patient', 'patient'],
  [{ payment_method: ['"X" is not a valid choice.'] }, 'unknown_payment_method', 'payment_method'],
  [{ received_date: ['The period is closed.'] }, 'closed_period', 'received_date'],
  [{ amount: ['Amount cannot be zero.'] }, 'amount_refused', 'amount'],
  [{ doctor: ['Unknown.'] }, 'connection_misconfigured', 'doctor'],
  [{ trace_number: ['Too long.'] }, 'emr_refused', 'trace_number'],
  [{ non_field_errors: ['No.'], notes: ['a', 'b'] }, 'emr_refused', 'non_field_errors and notes'],
  [{ trace_number: ['Too long.'], amount: ['Too much.'] }, 'amount_refused', 'trace_number and amount'],
])('400 with the field errors %j is refused as %s', async (body, code, fields) => {
  expect(await answered(400, body)).toMatchObject({
    outcome: 'refused',
    code,
    reason: expect.stringMatching(new RegExp(`The EMR answered HTTP 400, about ${fields}\\.$`)),
    emrText: Object.values(body).flat().join(' | '),
  });
});

test('a field that we do not send is not named in the reason: it may be any text', async () => {
  const refused = await answered(400, { 'Jane Doe': ['born 1970'], notes: ['Too long.'] });
  expect(refused).toMatchObject({ outcome: 'refused', code: 'emr_refused' });
  expect(refused).toHaveProperty(
    'reason',
    expect.stringMatching(/The EMR answered HTTP 400, about notes\.$/),
  );
});

test.each(['Jane Doe', 'errors', 'constructor', 'toString', '__proto__', 'hasOwnProperty'])(
  'errors of a field that is called %s, which we do not send, can be a gateway’s',
  async (name) => {
    expect(await answered(400, `{"${name}":["No."]}`)).toMatchObject({
      outcome: 'unknown',
      code: 'answer_not_understood',
    });
  },
);

test.each([404, 405])('%i in the vendor’s form is refused: the address is wrong', async (status) => {
  expect(await answered(status, { detail: 'Not found.' })).toMatchObject({
    outcome: 'refused',
    code: 'connection_misconfigured',
  });
});

test.each([
  ['a gateway’s page', 400, '<html><body>Bad request</body></html>', 'answer_not_understood'],
  ['a list', 400, [], 'answer_not_understood'],
  ['an empty object', 400, {}, 'answer_not_understood'],
  ['an error about no field', 400, { detail: 'Malformed request.' }, 'answer_not_understood'],
  ['field errors in another form', 400, { patient: 'unknown' }, 'answer_not_understood'],
  ['a gateway’s page', 404, '<html></html>', 'answer_not_understood'],
  ['field errors', 422, { amount: ['No.'] }, 'unexpected_status'],
  ['a problem of RFC 9457', 404, { title: 'Not found', detail: 'No.' }, 'answer_not_understood'],
  ['a text', 429, 'Expected available in 9 seconds.', 'answer_not_understood'],
  ['a text', 401, 'No.', 'answer_not_understood'],
  ['a message', 403, { message: 'Forbidden' }, 'answer_not_understood'],
  ['an appointment’s conflict', 409, { detail: 'Appointment overlaps' }, 'conflict'],
  ['a 500', 500, { detail: 'Oops' }, 'emr_error'],
  ['an entry', 200, row(), 'bad_answer'],
  ['nothing', 204, '', 'bad_answer'],
  ['an entry without an id', 201, { patient: 415, amount: '350.10' }, 'bad_answer'],
  ['a list of entries', 201, [row()], 'bad_answer'],
  ['an entry with its id twice', 201, '{"id":1,"id":2,"patient":415,"amount":"350.10"}', 'bad_answer'],
])('%s with HTTP %i proves nothing', async (_name, status, body, code) => {
  expect(await answered(status, body)).toMatchObject({ outcome: 'unknown', code });
});

test('a redirect is not followed, and proves nothing', async () => {
  const { adapter, seen } = await drchronoAt({
    'POST /api/patient_payments': { status: 302, headers: { location: '/api/elsewhere' } },
  });
  expect(await adapter.post(somePosting(), sending())).toMatchObject({
    outcome: 'unknown',
    code: 'redirected',
  });
  expect(seen).toHaveLength(2);
});

test('202 is accepted', async () => {
  expect(await answered(202, '')).toMatchObject({ outcome: 'accepted' });
});

test.each([
  [{ amount: '350.00' }, 'another amount'],
  [{ patient: 416 }, 'another patient'],
  [{ received_date: '2026-06-16' }, 'another deposit date'],
  [{ notes: `[emr-payments ${'f'.repeat(32)}] Copay` }, 'another payment id'],
  [{ patient: 416, amount: 35.01 }, 'another amount and another patient'],
])('a 201 whose entry is not the payment, %j, differs', async (change, difference) => {
  expect(await answered(201, row(change))).toEqual({
    outcome: 'differs',
    emrTransactionId: '9001',
    difference,
  });
});

test('a 201 whose entry does not show the day is the payment', async () => {
  const { received_date: _, ...without } = row();
  expect(await answered(201, without)).toMatchObject({ outcome: 'posted' });
});

test('an id of 19 digits stays the id that it is', async () => {
  const text = JSON.stringify(row()).replace('9001', '9223372036854775807');
  expect(await answered(201, text)).toEqual({ outcome: 'posted', emrTransactionId: '9223372036854775807' });
});

test.each<[unknown, Record<string, string>, number | undefined]>([
  [{ detail: 'Request was throttled. Expected available in 1437 seconds.' }, {}, 1_437_000],
  [{ detail: 'Request was throttled. Expected available in 1 second.' }, {}, 1000],
  [{ detail: 'Request was throttled. Expected available in 0.25 seconds.' }, {}, 250],
  [{ detail: 'Request was throttled. Expected available in 999999999 seconds.' }, {}, 86_400_000],
  [{ detail: 'Request was throttled. Expected available in 9 seconds.' }, { 'retry-after': '7' }, 7000],
  [{ detail: 'Request was throttled.' }, {}, undefined],
])('429 with %j is not sent, and waits as the text says', async (body, headers, wait) => {
  const result = await answered(429, body, headers);
  expect(result).toMatchObject({ outcome: 'not_sent', code: 'rate_limited' });
  expect((result as { retryAfterMs?: number }).retryAfterMs).toBe(wait);
});

test.each(['pat-1', '0415', '-415', '4.15', '1e3', '', '1234567890123456', 'Patient/415'])(
  'the patient id %j is refused, and nothing is sent',
  async (emrPatientId) => {
    const { adapter, seen } = await drchronoAt({});
    expect(await adapter.post(somePosting({ emrPatientId }), sending())).toMatchObject({
      outcome: 'refused',
      code: 'unknown_patient',
    });
    expect(seen).toEqual([]);
  },
);
