import { expect, test } from 'vitest';
import { judgeStatus, type Verdict } from './evidence.ts';

const answer = (status: number, headers = {}) => ({ kind: 'answer' as const, status, headers, body: '' });

const table: [Verdict, number[]][] = [
  ['accepted', [200, 201, 202, 204]],
  ['refused', [400, 404, 405, 413, 415, 422]],
  ['not_sent', [401, 403, 429]],
  // 402, 408, 418 and 451 are in no row: a status whose meaning is not documented proves nothing.
  ['unknown', [301, 302, 307, 308, 402, 408, 409, 412, 418, 451, 500, 502, 503, 504, 599, 999]],
];

test.each(table.flatMap(([verdict, statuses]) => statuses.map((status) => [status, verdict] as const)))(
  'HTTP %i is %s',
  (status, verdict) => {
    expect(judgeStatus(answer(status)).verdict).toBe(verdict);
  },
);

test('Retry-After is kept with whatever the status proves', () => {
  const { verdict, trouble } = judgeStatus(answer(503, { 'retry-after': '9' }));
  expect({ verdict, trouble }).toEqual({
    verdict: 'unknown',
    trouble: { code: 'emr_error', detail: 'The EMR failed (HTTP 503).', retryAfterMs: 9000 },
  });
});

test.each([
  '<!doctype html><title>403 Forbidden</title>',
  '\n<html><body>Request blocked',
  '<?xml version="1.0"?><e/>',
])('a 403 with the page of a gateway does not prove that nothing was done: %j', (body) => {
  const { verdict, trouble } = judgeStatus({ ...answer(403), body });
  expect([verdict, trouble.code]).toEqual(['unknown', 'answer_not_understood']);
  expect(judgeStatus({ ...answer(403), body: '{"detail":"no right"}' }).verdict).toBe('not_sent');
});
