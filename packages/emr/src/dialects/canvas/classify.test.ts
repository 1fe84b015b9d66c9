import { expect, test } from 'vitest';
import type { Answer } from '../../http/exchange.ts';
import { classifyPost as classify } from './classify.ts';

const ID = '777094d2-664c-49b9-8926-b17a1b3fff8d';
const answer = (status: number, body: string, headers: Answer['headers'] = {}): Answer => ({
  kind: 'answer',
  status,
  headers,
  body,
});
const issue = (code: string, text = 'A text.') =>
  JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  });
const classifyPost = (result: Answer) => classify(result, { emrPatientId: 'a47c', amount: '350.10' });
const HTML = '<html>Sign in</html>';

test.each([
  ['null', undefined, null],
  ['null', `https://fumage-x.canvasmedical.com/PaymentNotice/${ID}`, ID],
  [' null\n', `/PaymentNotice/${ID}/_history/1`, ID],
  ['', `PaymentNotice/${ID}/`, ID],
  ['null', `http://x.test/PaymentNotice/a%2Fb?x=1#y`, 'a/b'],
  ['null', 'http://x.test/Patient/1', null],
  ['null', 'http://x.test/PaymentNotice', null],
  ['null', 'http://x.test/PaymentNotice/%00', null],
  ['null', 'http://x.test/PaymentNotice/%E0%A4%A', null],
  [`{"resourceType":"PaymentNotice","id":"${ID}"}`, undefined, ID],
])('a 201 with the body %j and the location %s is posted as %s', (body, location, emrTransactionId) => {
  const headers = location === undefined ? {} : { location };
  expect(classifyPost(answer(201, body, headers))).toEqual({ outcome: 'posted', emrTransactionId });
});

const notice = (change: object) =>
  JSON.stringify({
    resourceType: 'PaymentNotice',
    id: ID,
    request: { reference: 'Patient/a47c' },
    amount: { value: 350.1, currency: 'USD' },
    ...change,
  });

test.each([
  ['another amount', { amount: { value: 350, currency: 'USD' } }],
  ['another amount', { amount: { value: 350.1, currency: 'CAD' } }],
  ['another patient', { request: { reference: 'Patient/b58d' } }],
])('a 201 that shows an entry with %s differs', (difference, change) => {
  expect(classifyPost(answer(201, notice({})))).toEqual({ outcome: 'posted', emrTransactionId: ID });
  expect(classifyPost(answer(201, notice(change)))).toEqual({
    outcome: 'differs',
    emrTransactionId: ID,
    difference,
  });
  // Nobody could say which entry it is.
  expect(classifyPost(answer(201, notice({ ...change, id: '' })))).toMatchObject({ outcome: 'unknown' });
});

test.each<[number, string, string, string | undefined]>([
  [201, HTML, 'unknown', 'bad_answer'],
  [201, issue('invalid'), 'unknown', 'bad_answer'],
  [200, 'null', 'unknown', 'bad_answer'],
  [200, '', 'unknown', 'bad_answer'],
  [204, '', 'unknown', 'bad_answer'],
  [202, '', 'accepted', undefined],
  [202, issue('invalid'), 'unknown', 'bad_answer'],
  [400, issue('invalid'), 'refused', 'emr_refused'],
  [404, issue('not-found', "Unknown Patient resource 'a47c'"), 'refused', 'unknown_patient'],
  [400, issue('invalid', "Unknown Patient resource 'a47c'"), 'refused', 'unknown_patient'],
  [405, issue('not-supported'), 'refused', 'connection_misconfigured'],
  [422, issue('business-rule'), 'refused', 'amount_refused'],
  [422, issue('business-rule', 'Patient not found'), 'refused', 'unknown_patient'],
  [422, issue('excepetion'), 'unknown', 'emr_error'],
  [400, issue('timeout'), 'unknown', 'emr_error'],
  [500, issue('excepetion'), 'unknown', 'emr_error'],
  [401, issue('unknown', 'Authentication failed'), 'not_sent', 'unauthorized'],
  [403, issue('forbidden', 'Authorization failed'), 'not_sent', 'forbidden'],
  [429, '', 'not_sent', 'rate_limited'],
  [409, issue('conflict'), 'unknown', 'conflict'],
  [302, '', 'unknown', 'redirected'],
  // A gateway's page says nothing of how far the request came.
  [400, HTML, 'unknown', 'answer_not_understood'],
  [404, HTML, 'unknown', 'answer_not_understood'],
  [422, '{"detail":"x"}', 'unknown', 'answer_not_understood'],
  [401, 'Blocked.', 'unknown', 'answer_not_understood'],
  [403, '{"message":"Forbidden"}', 'unknown', 'answer_not_understood'],
  [403, issue('transient'), 'unknown', 'emr_error'],
  [413, issue('invalid'), 'unknown', 'unexpected_status'],
])('%i %j is %s %s', (status, body, outcome, code) => {
  expect(classifyPost(answer(status, body))).toMatchObject({
    outcome,
    ...(code === undefined ? {} : { code }),
  });
});
