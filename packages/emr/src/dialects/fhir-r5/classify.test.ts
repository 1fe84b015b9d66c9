import { FAILURE_CODES } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import { classifyPost } from '../../fhir/classify.ts';
import { NO_REFUSALS, REFUSALS } from '../../fhir/no-refusals.fixture.ts';
import { paymentReconciliation } from './payment-reconciliation.ts';

const R5 = { payments: paymentReconciliation({ identifierSystem: 'urn:emr-payments:payment-id' }) };

const answer = (status: number, body: unknown = '', headers: Record<string, string> = {}) =>
  classifyPost(R5, {
    kind: 'answer',
    status,
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const issue = (fields: object) => ({
  resourceType: 'OperationOutcome',
  issue: [{ severity: 'error', ...fields }],
});
const location = 'http://emr.test/fhir/PaymentReconciliation/13969262/_history/1';
const resource = { resourceType: 'PaymentReconciliation', id: '13969262' };

test.each([
  ['201 and the resource', 201, resource, {}],
  ['201 and a Location', 201, '', { location }],
  ['a relative Location', 201, '', { location: 'PaymentReconciliation/13969262' }],
  ['a Content-Location', 201, '', { 'content-location': `${location}?_format=json` }],
  [
    'a Location of something else and a Content-Location',
    201,
    '',
    { location: '/fhir/Task/5', 'content-location': location },
  ],
  [
    'a resource whose other fields are not as in R5',
    201,
    { ...resource, created: null, identifier: 'x' },
    {},
  ],
  ['a Location without a version', 201, '', { location: '/fhir/PaymentReconciliation/13969262' }],
  [
    'a Location and an OperationOutcome',
    201,
    issue({ severity: 'information', code: 'informational' }),
    { location },
  ],
])('%s is posted', (_name, status, body, headers) => {
  expect(answer(status, body, headers)).toEqual({ outcome: 'posted', emrTransactionId: '13969262' });
});

test('201 with an error in its body does not say that the send created the entry', () => {
  expect(answer(201, issue({ code: 'exception' }), { location })).toMatchObject({ outcome: 'exists' });
});

test.each(['pay_1', `p-${'x'.repeat(998)}`, 'urn:uuid:6f1f3a5e-9c5e-4d2f-8b7a-2f9f6d1f0c11', 'a/b ü'])(
  'an entry is posted, however its id looks: %s',
  (id) => {
    const expected = { outcome: 'posted', emrTransactionId: id };
    expect(answer(201, { ...resource, id })).toEqual(expected);
    expect(answer(201, '', { location: `/x/PaymentReconciliation/${encodeURIComponent(id)}` })).toEqual(
      expected,
    );
  },
);

test.each([
  ['201', 201, 'posted'],
  ['200', 200, 'exists'],
  ['202', 202, 'exists'],
  ['204', 204, 'exists'],
])('%s: only 201 says that the send created the entry', (_name, status, outcome) => {
  const expected = {
    outcome,
    emrTransactionId: '13969262',
    ...(outcome === 'exists' ? { entry: null, created: false, toCome: status > 201 } : {}),
  };
  expect(answer(status, resource)).toEqual(expected);
  expect(answer(status, '', { location })).toEqual(expected);
  // Only a 200 or 201 that holds the entry whole needs no further read: a 202 may speak of what is still to come.
  const whole = { ...resource, amount: { value: 1 } };
  const compared = { ...expected, outcome: 'exists', created: status === 201, toCome: status > 201 };
  expect(answer(status, whole)).toEqual({ ...compared, entry: status > 201 ? null : whole });
});

test.each([
  ['200 with no body and no Location', 200, '', {}],
  ['200 with a remark', 200, issue({ severity: 'information', code: 'informational' }), {}],
  ['201 with JSON of something else', 201, { resourceType: 'Patient', id: '7' }, {}],
  ['201 with an id that cannot be stored', 201, { ...resource, id: 'a\u0000b' }, {}],
  ['201 with a resource without an id', 201, { resourceType: 'PaymentReconciliation' }, {}],
  ['201 with half of a JSON', 201, '{"resourceType":"PaymentReconciliation","id":"1', {}],
  ['201 with a Location of something else', 201, '', { location: 'http://emr.test/fhir/Task/5' }],
  ['202 with a Location of something else', 202, '', { location: 'http://emr.test/queue/5' }],
  ['202 with a page', 202, '<html>Thank you</html>', {}],
  ['204', 204, '', {}],
])('%s is accepted, and does not name the entry yet', (_name, status, body, headers) => {
  expect(answer(status, body, headers)).toMatchObject({ outcome: 'accepted' });
});

test.each([
  ['a page instead of JSON', 200, '<html>Please log in</html>'],
  ['JSON that is not FHIR', 200, { error: 'session expired' }],
  ['half of a JSON', 200, '{"resourceType":"PaymentReconciliation","id":"1'],
  ['an error', 200, issue({ code: 'exception' })],
  ['an error', 201, issue({ code: 'exception' })],
])('2xx with %s is unknown', (_name, status, body) => {
  expect(answer(status, body)).toMatchObject({ outcome: 'unknown', code: 'bad_answer' });
});

const PATIENT = 'JANE DOE 1970-01-01';

test.each([
  ['business-rule', 'PaymentReconciliation.date', 'closed_period', 'deposit_date'],
  ['value', 'PaymentReconciliation.date', 'emr_refused', 'deposit_date'],
  ['business-rule', 'PaymentReconciliation.amount.value', 'amount_refused', 'amount'],
  ['not-found', 'PaymentReconciliation.paymentIssuer', 'unknown_patient', 'patient_mrn'],
  ['code-invalid', 'PaymentReconciliation.method', 'unknown_payment_method', 'payment_method'],
  ['not-found', 'PaymentReconciliation.location', 'unknown_location', 'location'],
  ['value', 'PaymentReconciliation.processNote[0].text', 'emr_refused', 'notes'],
] as const)('422 %s at %s is refused as %s, in our words', (code, expression, expected, field) => {
  const result = answer(422, issue({ code, expression: [expression], details: { text: PATIENT } }));
  expect(result).toEqual({
    outcome: 'refused',
    code: expected,
    reason: `${FAILURE_CODES[expected].says} The EMR answered HTTP 422, issue code ${code}, about ${field}.`,
    emrText: PATIENT,
  });
});

test.each([
  ['a code and an element that are in no list', { code: PATIENT, expression: [PATIENT] }],
  [
    'an element of ours with more in it',
    { code: 'JANE', expression: [`PaymentReconciliation.jane[${PATIENT}]`] },
  ],
  [
    'a name that every object has',
    { code: 'constructor', expression: ['PaymentReconciliation.constructor'] },
  ],
])('%s are not in the reason', (_name, fields) => {
  expect(answer(422, issue({ ...fields, diagnostics: PATIENT }))).toMatchObject({
    code: 'emr_refused',
    reason: 'The EMR refused the payment. The EMR answered HTTP 422.',
    emrText: PATIENT,
  });
});

test("the EMR's own words are one line of at most 1000 characters", () => {
  const result = answer(
    400,
    issue({ code: 'invalid', diagnostics: `one\r\n\ttwo\u0000 ${'x'.repeat(9000)}` }),
  );
  if (result.outcome !== 'refused') throw new Error(result.outcome);
  expect(result.emrText).toMatch(/^one two x+…$/);
  expect(result.emrText).toHaveLength(1000);
});

test.each(NO_REFUSALS)('$name proves nothing', ({ answer: given }) => {
  expect(classifyPost(R5, given)).toMatchObject({ outcome: 'unknown' });
});

test('an answer without the form of a refusal is called so, and its words are kept apart', () => {
  expect(answer(400, '<html>')).toEqual({
    outcome: 'unknown',
    code: 'answer_not_understood',
    detail:
      'The EMR refused the request (HTTP 400). The answer does not have the form in which this EMR refuses, so it may have acted.',
    emrText: '<html>',
  });
  // A gateway that asks for a pause gets it, whatever the answer proves.
  expect(answer(403, '', { 'retry-after': '2' })).toMatchObject({ outcome: 'unknown', retryAfterMs: 2000 });
});

test('a refusal in the form of FHIR is one', () => {
  const outcomes = REFUSALS.map((given) => `${given.status} ${classifyPost(R5, given).outcome}`);
  expect(outcomes).toEqual([
    '400 refused',
    // Rights can be given, and the payment is then taken.
    '403 not_sent',
    '404 refused',
    '405 refused',
    // The table has no row for these: a FHIR server gives none of them to a create.
    '410 unknown',
    '413 refused',
    '414 unknown',
    '415 refused',
    '418 unknown',
    '422 refused',
    '431 unknown',
    '451 unknown',
  ]);
});

test.each(['transient', 'exception', 'timeout', 'incomplete', 'no-store', 'throttled'])(
  'a 4xx with the transient issue %s is no refusal',
  (code) => {
    for (const status of [400, 403, 404, 422])
      expect(answer(status, issue({ code }))).toMatchObject({ outcome: 'unknown', code: 'emr_error' });
  },
);

test.each(['duplicate', 'multiple-matches', 'conflict', 'lock-error'])(
  'a refusal for %s may mean an earlier try of ours: unknown',
  (code) => {
    for (const status of [400, 403, 422])
      expect(answer(status, issue({ code }))).toMatchObject({ outcome: 'unknown', code: 'conflict' });
  },
);

test.each([
  [401, 'not_sent', 'unauthorized'],
  [409, 'unknown', 'conflict'],
  [412, 'unknown', 'several_matches'],
  [429, 'not_sent', 'rate_limited'],
  [302, 'unknown', 'redirected'],
  [500, 'unknown', 'emr_error'],
  [418, 'unknown', 'unexpected_status'],
])('HTTP %i is %s (%s)', (status, outcome, code) => {
  // Whatever else the answer holds: an id in a 5xx proves nothing.
  expect(answer(status, resource, { location, 'retry-after': '2' })).toMatchObject({
    outcome,
    code,
    retryAfterMs: 2000,
  });
});

test('without an answer the hand-over alone decides', () => {
  const error = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  const none = (handedOver: boolean) => classifyPost(R5, { kind: 'no_answer', handedOver, error });
  expect(none(false)).toMatchObject({ outcome: 'not_sent' });
  expect(none(true)).toMatchObject({ outcome: 'unknown' });
});
