import { FAILURE_CODES } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import { classifyPost } from './classify.ts';

const PAYMENT = {
  paymentId: '0c3151bd1cbf4d64b04dcd9187a4c6e0',
  emrPatientId: '15',
  amount: '129.90',
  depositDate: '2026-06-15',
};
const answer = (status: number, body: unknown = '', headers: Record<string, string> = {}) =>
  classifyPost(
    { kind: 'answer', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
    PAYMENT,
  );
const created = { PayNum: 56734, PatNum: 15, PayAmt: '129.9', PayNote: '[emr-payments …]' };
const location = 'https://api.opendental.com/api/v1/payments/56734';

test.each([
  ['the payment', created, {}],
  ['the payment and no other field', { PayNum: 56734 }, {}],
  ['the day with a time', { ...created, PayDate: '2026-06-15 00:00:00' }, {}],
  ['an amount as a number', { ...created, PayAmt: 129.9 }, {}],
  ['a Location alone', '', { location }],
])('201 with %s is posted', (_name, body, headers) => {
  expect(answer(201, body, headers)).toEqual({ outcome: 'posted', emrTransactionId: '56734' });
});

test.each([
  ['another patient', { ...created, PatNum: 16 }],
  ['another amount', { ...created, PayAmt: '129' }],
  ['another deposit date', { ...created, PayDate: '2026-06-16' }],
  ['another payment id', { ...created, PayNote: `[emr-payments ${'f'.repeat(32)}] Copay` }],
])('201 with %s differs', (difference, body) => {
  expect(answer(201, body)).toEqual({ outcome: 'differs', emrTransactionId: '56734', difference });
});

test.each([
  [201, ''],
  [201, '<html>Thank you</html>'],
  [201, { PayNum: 'a' }],
  [202, created],
])('%i with %j names no entry: it is accepted, and looked up', (status, body) => {
  expect(answer(status, body)).toMatchObject({ outcome: 'accepted' });
});

test.each([
  [404, 'Patient not found.', 'unknown_patient', ', about patient_mrn'],
  [404, 'Patient 15 does not exist.', 'unknown_patient', ', about patient_mrn'],
  [400, 'PatNum is invalid.', 'unknown_patient', ', about patient_mrn'],
  [400, 'PayType is invalid.', 'unknown_payment_method', ', about payment_method'],
  [400, 'ClinicNum is invalid.', 'unknown_location', ', about location'],
  [400, 'PayAmt is invalid.', 'amount_refused', ', about amount'],
  [400, 'PayDate is before the lock date.', 'closed_period', ', about deposit_date'],
  [400, 'PayDate cannot be in the future.', 'emr_refused', ', about deposit_date'],
  [400, 'CheckNum is too long.', 'emr_refused', ', about reference_number'],
  [400, 'PayNote is too long.', 'emr_refused', ', about notes'],
  [400, 'isPatientPreferred is invalid.', 'emr_refused', ''],
  [404, 'payment is not a valid resource.', 'connection_misconfigured', ''],
  [400, 'PUT is not a valid method.', 'connection_misconfigured', ''],
] as const)('%i "%s" is refused as %s, in our words', (status, text, code, about) => {
  expect(answer(status, text, { 'content-type': 'text/plain' })).toEqual({
    outcome: 'refused',
    code,
    reason: `${FAILURE_CODES[code].says} The EMR answered HTTP ${status}${about}.`,
    emrText: text,
  });
});

test.each([
  ['400 that names no field of ours', 400, 'Not allowed for JANE DOE.', {}],
  ['400 of a filter of answers', 400, 'Blocked: the answer holds patient data.', {}],
  ['403: no page names it', 403, 'This key does not have the permission ApiPayments.', {}],
  ['404 of a filter of answers', 404, 'The response holds patient data, and the page was not found.', {}],
  ['400 longer than an explanation', 400, `PayAmt is invalid. ${'x'.repeat(2000)}`, {}],
  ['429 without Retry-After', 429, 'Slow down.', {}],
  ['400 of a gateway', 400, '<html><body>Bad request</body></html>', {}],
  ['400 called HTML', 400, 'Bad request', { 'content-type': 'text/html' }],
  ['400 without a text', 400, ' \n', {}],
  ['400 with JSON', 400, { error: 'PayAmt' }, {}],
  ['404 of a gateway', 404, '<h1>Not found</h1>', {}],
  ['404 without a text', 404, '', {}],
  ['405', 405, 'no', {}],
  ['409', 409, 'no', {}],
  ['413', 413, 'no', {}],
  ['422', 422, 'no', {}],
  ['200 with the payment', 200, created, {}],
  ['200 with a page', 200, '<html>Sign in</html>', {}],
  ['204', 204, '', {}],
  ['302', 302, '', { location }],
  ['500', 500, 'x', {}],
  ['504: the office did not answer within 60 s', 504, 'x', {}],
])('%s is not documented, or proves nothing: unknown', (_name, status, body, headers) => {
  expect(answer(status, body, headers)).toMatchObject({ outcome: 'unknown' });
});

test.each([
  [401, 'unauthorized'],
  [429, 'rate_limited'],
])('HTTP %i is not_sent (%s), with its delay', (status, code) => {
  expect(answer(status, 'no', { 'retry-after': '2' })).toMatchObject({
    outcome: 'not_sent',
    code,
    retryAfterMs: 2000,
  });
});

test('without an answer the hand-over alone decides', () => {
  const error = Object.assign(new Error('x'), { code: 'ECONNRESET' });
  const none = (handedOver: boolean) => classifyPost({ kind: 'no_answer', handedOver, error }, PAYMENT);
  expect(none(false)).toMatchObject({ outcome: 'not_sent' });
  expect(none(true)).toMatchObject({ outcome: 'unknown' });
});
