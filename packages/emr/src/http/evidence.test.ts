import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import { judgePost, type Proof, type RefusalForm, rejectsCredentials } from './evidence.ts';
import type { Answer } from './exchange.ts';

const answer = (status: number, body = '', headers = {}): Answer => ({
  kind: 'answer',
  status,
  headers,
  body,
});

/** A vendor that writes `refused: …`, and `doubt: …` when it does not know. */
const FORM: RefusalForm<string> = {
  refuses: [400, 404, 405, 413, 415, 422],
  unauthorized: 'complaint',
  forbidden: 'complaint',
  throttled: 'complaint',
  complaint({ body }) {
    if (body.startsWith('doubt: '))
      return { kind: 'doubt', code: 'conflict', detail: sentence`The EMR reported a conflict.` };
    return body.startsWith('refused: ') ? { kind: 'refusal', refusal: body.slice(9) } : null;
  },
  words: (body) => body.replace(/^refused: /, ''),
};
const verdictOf = (given: Answer, form: RefusalForm<string> = FORM): string => {
  const judged = judgePost(form, given);
  return judged.verdict === 'ended' ? judged.outcome.outcome : judged.verdict;
};

const table: [string, number[]][] = [
  ['accepted', [200, 201, 202, 204]],
  ['refused', [400, 404, 405, 413, 415, 422]],
  ['not_sent', [401, 403, 429]],
  // 402, 408, 418 and 451 are in no row: a status whose meaning is not documented proves nothing.
  ['unknown', [301, 302, 307, 308, 402, 408, 409, 412, 418, 451, 500, 502, 503, 504, 599, 999]],
];

test.each(table.flatMap(([verdict, statuses]) => statuses.map((status) => [status, verdict] as const)))(
  'HTTP %i in the form of the vendor is %s',
  (status, verdict) => {
    expect(verdictOf(answer(status, 'refused: no'))).toBe(verdict);
  },
);

test.each([400, 401, 403, 404, 405, 413, 415, 422, 429])(
  'HTTP %i in another form, or with a failure in it, is unknown',
  (status) => {
    for (const body of ['', 'no', '<html>no</html>', '{"message":"no"}', 'doubt: maybe'])
      expect(verdictOf(answer(status, body)), body).toBe('unknown');
  },
);

test('a status with which the vendor refuses nothing is unknown in every form', () => {
  const judged = judgePost({ ...FORM, refuses: [400] }, answer(422, 'refused: no'));
  expect(judged).toMatchObject({
    verdict: 'ended',
    outcome: { outcome: 'unknown', code: 'unexpected_status' },
  });
});

const proofs: [Proof, number, string, string][] = [
  ['status', 401, 'anything', 'not_sent'],
  ['status', 429, '', 'not_sent'],
  ['never', 401, 'refused: no', 'unknown'],
  ['never', 429, 'refused: no', 'unknown'],
  [({ headers }) => headers['retry-after'] !== undefined, 429, '', 'unknown'],
];
test.each(proofs)('the proof %s decides about HTTP %i with %j: %s', (proof, status, body, outcome) => {
  const form = { ...FORM, unauthorized: proof, throttled: proof };
  expect(verdictOf(answer(status, body), form)).toBe(outcome);
  expect(rejectsCredentials(form, answer(status, body))).toBe(status === 401 && outcome === 'not_sent');
});

test('a mark of the answer can be the proof', () => {
  const form: RefusalForm<string> = {
    ...FORM,
    throttled: ({ headers }) => headers['retry-after'] !== undefined,
  };
  expect(verdictOf(answer(429, '', { 'retry-after': '2' }), form)).toBe('not_sent');
});

test('a rejection of credentials needs the form as well', () => {
  expect(rejectsCredentials(FORM, answer(401, 'refused: no'))).toBe(true);
  for (const each of [answer(401, 'no'), answer(403, 'refused: no'), answer(401, 'doubt: maybe')])
    expect(rejectsCredentials(FORM, each)).toBe(false);
});

test('a refusal carries what the vendor said', () => {
  expect(judgePost(FORM, answer(400, 'refused: the day'))).toMatchObject({
    verdict: 'refused',
    refusal: 'the day',
    trouble: { code: 'emr_refused', emrText: 'the day' },
  });
});

test('Retry-After is kept with whatever the status proves, and a wait elsewhere where there is none', () => {
  const failed = { outcome: 'unknown', code: 'emr_error', detail: 'The EMR failed (HTTP 503).' };
  const waitMs = () => 4000;
  expect(judgePost({ ...FORM, waitMs }, answer(503, '', { 'retry-after': '9' }))).toEqual({
    verdict: 'ended',
    outcome: { ...failed, retryAfterMs: 9000 },
  });
  expect(judgePost({ ...FORM, waitMs }, answer(503))).toMatchObject({ outcome: { retryAfterMs: 4000 } });
});

test('without an answer the hand-over alone decides', () => {
  const none = (handedOver: boolean) => {
    const judged = judgePost(FORM, { kind: 'no_answer', handedOver, error: new Error('cut') });
    return judged.verdict === 'ended' ? judged.outcome.outcome : judged.verdict;
  };
  expect([none(true), none(false)]).toEqual(['unknown', 'not_sent']);
});
