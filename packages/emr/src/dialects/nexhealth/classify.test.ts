import { expect, test } from 'vitest';
import { sending } from '../../conformance/rule.ts';
import { frame, openNexHealth, posting } from './nexhealth-server.fixture.ts';

const error = (...error: string[]) => ({ code: false, description: 'Bad Request', data: {}, error });
const answered = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const { adapter } = await openNexHealth({ answers: { 'POST /payments': { status, body, headers } } });
  return adapter.post(posting, sending());
};

test.each([
  ['without a body', ''],
  ['with a frame', frame({})],
])('202 %s is accepted, never posted', async (_name, body) => {
  expect(await answered(202, body)).toEqual({
    outcome: 'accepted',
    detail: "NexHealth has accepted the payment and writes it into the practice's system.",
    ...(body === '' ? {} : { emrText: expect.any(String) }),
  });
});

test.each([
  [200, frame({ id: 1 }), 'bad_answer'],
  [201, frame({ id: 1 }), 'bad_answer'],
  [202, error('Something is wrong.'), 'bad_answer'],
  [400, '<html>Bad gateway configuration</html>', 'answer_not_understood'],
  [400, { error: ['patient_id is invalid'] }, 'answer_not_understood'],
  [403, { message: 'Forbidden' }, 'answer_not_understood'],
  [429, 'Retry later', 'answer_not_understood'],
  [401, '', 'answer_not_understood'],
  [404, error('Not found.'), 'unexpected_status'],
  [409, error('Duplicate.'), 'conflict'],
  [422, error('Unprocessable.'), 'unexpected_status'],
  [500, error('Oops.'), 'emr_error'],
] as const)('%i with %j is unknown', async (status, body, code) => {
  expect(await answered(status, body)).toMatchObject({ outcome: 'unknown', code });
});

test.each([
  ["Couldn't find Patient with 'id'=415", 'unknown_patient'],
  ['payment_type_id is invalid', 'unknown_payment_method'],
  ['location_id is not accessible', 'unknown_location'],
  ['The patient is not at this location', 'unknown_patient'],
  ['amount must not be 0', 'amount_refused'],
  ['paid_at is in a closed period', 'closed_period'],
  ['Bad things', 'emr_refused'],
])('400 that says %j is refused as %s, and the words go apart', async (text, code) => {
  expect(await answered(400, error(text))).toEqual({
    outcome: 'refused',
    code,
    reason: expect.stringMatching(/ The EMR answered HTTP 400\.$/),
    emrText: `${text} Bad Request`,
  });
});

test.each([
  [403, 'forbidden'],
  [429, 'rate_limited'],
])('%i is not sent', async (status, code) => {
  const said = error("You don't have access to perform this action.");
  expect(await answered(status, said, { 'retry-after': '7' })).toMatchObject({
    outcome: 'not_sent',
    code,
    retryAfterMs: 7000,
    emrText: "You don't have access to perform this action. Bad Request",
  });
});

test('a rejected token is renewed, and the payment is sent with the next attempt', async () => {
  let tokens = 0;
  const { adapter, asked } = await openNexHealth({
    answers: {
      'POST /authenticates': () => ({ status: 201, body: frame({ token: `token-${++tokens}` }) }),
      'POST /payments': { status: 401, body: error('Unauthorized') },
    },
  });
  expect(await adapter.post(posting, sending())).toMatchObject({
    outcome: 'not_sent',
    code: 'token_renewed',
  });
  expect(asked.filter(({ url }) => url.startsWith('/payments'))).toHaveLength(1);
});

test('a method without a payment type at the location is refused before anything is sent', async () => {
  const { adapter, asked } = await openNexHealth();
  const method = { id: '13:777', name: 'Card' };
  expect(await adapter.post({ ...posting, method }, sending())).toMatchObject({
    outcome: 'refused',
    code: 'unknown_payment_method',
  });
  expect(asked).toEqual([]);
});
