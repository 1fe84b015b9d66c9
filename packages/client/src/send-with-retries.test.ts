import { describe, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import { createClient } from './create-client.ts';
import { type Answer, json, refusal, reset, startScriptedApi } from './scripted-api.fixture.ts';

const PAYMENT = {
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: '#123456',
  location: '1404',
  amount: 350,
};
const QUEUED = { success: true, message: 'Queued.', payment_id: 'a'.repeat(32), job_id: 7 };
const queued = json(200, QUEUED);
const unavailable = (safe_to_retry: boolean, headers = {}) =>
  refusal(503, { code: 'service_unavailable', safe_to_retry }, headers);
const page: Answer = (response) =>
  response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');

async function failureOf(call: Promise<unknown>): Promise<ApiError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

describe('a write', () => {
  test('carries the credentials and a new Idempotency-Key for each call', async () => {
    const { client, received } = await startScriptedApi([queued]);
    expect(await client.payments.create(PAYMENT)).toEqual(QUEUED);
    await client.payments.create(PAYMENT);
    const [first, second] = received;
    expect(first).toMatchObject({
      method: 'POST',
      url: '/v1/payments',
      headers: { client_id: 'ci_1', client_secret: 'cs_2', access_token: 'at_3' },
    });
    expect(JSON.parse(first?.body ?? '')).toEqual(PAYMENT);
    expect(first?.headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.headers['idempotency-key']).not.toBe(first?.headers['idempotency-key']);
  });

  test.each([
    ['a reset', reset],
    ['an answer with safe_to_retry', unavailable(true)],
    ["a proxy's error page", page],
    ['half an answer', (response) => response.writeHead(200).end('{"success": tr')],
  ] satisfies [string, Answer][])(
    'is sent again unchanged, with the same key, after %s',
    async (_what, bad) => {
      const { client, received } = await startScriptedApi([bad, bad, queued]);
      expect(await client.payments.create(PAYMENT)).toEqual(QUEUED);
      expect(received).toHaveLength(3);
      expect(new Set(received.map(({ body }) => body)).size).toBe(1);
      expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    },
  );

  test('uses the key that the caller gives', async () => {
    const { client, received } = await startScriptedApi([queued]);
    await client.payments.create(PAYMENT, { idempotencyKey: 'order-17' });
    expect(received[0]?.headers['idempotency-key']).toBe('order-17');
  });

  test('is not sent again when the answer says safe_to_retry: false, whatever the status', async () => {
    const { client, received } = await startScriptedApi([unavailable(false)]);
    expect(await failureOf(client.payments.create(PAYMENT))).toMatchObject({
      code: 'service_unavailable',
      status: 503,
      requestId: 'req-1',
      safeToRetry: false,
      message: 'It is so.',
      attempts: 1,
    });
    expect(received).toHaveLength(1);
  });

  test('without a key is not sent again after a reset', async () => {
    const { client, received } = await startScriptedApi([reset]);
    expect(await failureOf(client.webhooks.test('we_1'))).toMatchObject({
      code: 'no_answer',
      status: null,
      safeToRetry: false,
    });
    expect(received).toHaveLength(1);
    expect(received[0]?.headers).not.toHaveProperty('idempotency-key');
  });
});

test('stops after maxRetries', async () => {
  const { client, received } = await startScriptedApi([unavailable(true)], { maxRetries: 2 });
  const error = await failureOf(client.payments.create(PAYMENT));
  expect(error).toMatchObject({ code: 'service_unavailable', safeToRetry: true, attempts: 3 });
  expect(received).toHaveLength(3);
});

test('waits at least as long as Retry-After says', async () => {
  const { client, received } = await startScriptedApi([unavailable(true, { 'retry-after': '1' }), queued]);
  await client.payments.create(PAYMENT);
  const [first, second] = received;
  expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1000);
});

test('fails at once on a long Retry-After, and reports it in the error', async () => {
  const tooMany = refusal(429, { code: 'rate_limited', safe_to_retry: true }, { 'retry-after': '600' });
  const { client, received } = await startScriptedApi([tooMany]);
  expect(await failureOf(client.payments.get('x'))).toMatchObject({
    code: 'rate_limited',
    safeToRetry: true,
    retryAfterMs: 600_000,
  });
  expect(received).toHaveLength(1);
});

test('an answer that is not complete within timeoutMs counts as no answer', async () => {
  const stalled: Answer = (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).write('{');
  const { client, received } = await startScriptedApi([stalled, () => undefined], {
    maxRetries: 1,
    timeoutMs: 500,
  });
  const error = await failureOf(client.payments.get('x'));
  expect(error).toMatchObject({ code: 'no_answer', safeToRetry: true, attempts: 2 });
  expect(error.cause).toMatchObject({ name: 'TimeoutError' });
  expect(received).toHaveLength(2);
});

test('the caller can abort it while it waits', async () => {
  const { client, received } = await startScriptedApi([unavailable(true, { 'retry-after': '50' })]);
  const stop = new AbortController();
  const getting = client.payments.get('x', { signal: stop.signal });
  await expect.poll(() => received.length).toBe(1);
  stop.abort(new Error('The shop is closed.'));
  await expect(getting).rejects.toThrow('The shop is closed.');
});

test('does not follow a redirect with its credentials', async () => {
  const other = await startScriptedApi([queued]);
  const { client } = await startScriptedApi([
    (response) => response.writeHead(307, { location: `${other.baseUrl}/v1/payments` }).end(),
  ]);
  expect(await failureOf(client.payments.create(PAYMENT))).toMatchObject({
    code: 'unexpected_answer',
    status: 307,
    safeToRetry: false,
  });
  expect(other.received).toHaveLength(0);
});

test('refuses a base URL that is not http or https', () => {
  const credentials = { clientId: 'ci_1', clientSecret: 'cs_2', accessToken: 'at_3' };
  expect(() => createClient({ baseUrl: 'ftp://example.com', ...credentials })).toThrow(TypeError);
  expect(() => createClient({ baseUrl: 'example.com', ...credentials })).toThrow(TypeError);
});

test('the hint of the API is in the error, and is absent where the API gives none', async () => {
  const hint = 'The header `access_token` is missing.';
  const { client } = await startScriptedApi([
    refusal(404, { code: 'user_not_found', safe_to_retry: false, hint }),
    refusal(404, { code: 'payment_not_found', safe_to_retry: false }),
  ]);
  expect(await failureOf(client.payments.get('a'.repeat(32)))).toMatchObject({
    code: 'user_not_found',
    hint,
  });
  expect((await failureOf(client.payments.get('a'.repeat(32)))).hint).toBeUndefined();
});
