import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { openRelay, type Relay } from '@emr-payments/testkit/relay';
import type { LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { requestsOf, type Send } from './testing/client-requests.ts';
import { credentialHeaders, openTestApi, type TestApi } from './testing/test-api.ts';

let api: TestApi;
let relay: Relay;

beforeAll(async () => {
  api = await openTestApi({
    urlOf: async (url) => {
      relay = await openRelay(url);
      return relay.url;
    },
  });
});
afterAll(async () => {
  await api.close();
  await relay.cut();
});

/** A write may have been stored, whether it is a user's or a client's, unless a repeat is harmless. */
async function expectRetryAdvice(
  client: Send,
  post: (
    headers?: Record<string, string>,
    from?: undefined,
    query?: string,
  ) => Promise<LightMyRequestResponse>,
): Promise<void> {
  const url = 'https://hooks.example.com/x';
  const advice: [string, () => Promise<LightMyRequestResponse>, boolean][] = [
    ['a rotation', () => client('POST', '/v1/webhooks/we_1/rotate-secret'), false],
    ['a rotation with a key', () => client('POST', '/v1/webhooks/we_1/rotate-secret', { key: 'k' }), true],
    ['a redelivery', () => client('POST', '/v1/events/evt_1/redeliver'), false],
    [
      'a recovery',
      () => client('POST', '/v1/webhooks/we_1/recover', { body: { since: '2026-06-15T00:00:00Z' } }),
      false,
    ],
    ['a change', () => client('PATCH', '/v1/webhooks/we_1', { body: { url } }), false],
    ['a deletion', () => client('DELETE', '/v1/webhooks/we_1'), true],
    ['a test', () => client('POST', '/v1/webhooks/we_1/test'), true],
    ['a read', () => client('GET', '/v1/webhooks'), true],
    ['a dry run', () => post({}, undefined, '?dry_run=true'), true],
  ];
  for (const [name, send, safe] of advice) {
    const answer = await send();
    expect([name, answer.statusCode, answer.json().safe_to_retry]).toEqual([name, 503, safe]);
  }
}

test('while Postgres is down: 503 with Retry-After; when it is back: no restart needed', async () => {
  const caller = await api.newCaller();
  const post = (headers: Record<string, string> = {}, from = caller, query = '') =>
    api.app.inject({
      method: 'POST',
      url: `/v1/payments${query}`,
      headers: { ...credentialHeaders(from), 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(CREATE_PAYMENT_EXAMPLE),
    });
  expect((await post()).statusCode).toBe(200);
  expect((await api.app.inject('/health/ready')).json()).toMatchObject({ status: 'ok', postgres: 'up' });

  await relay.cut();
  const accepting = await post();
  expect(accepting.statusCode).toBe(503);
  expect(accepting.headers['retry-after']).toBe('2');
  // Nobody knows whether it was taken: without a key it must not be sent again.
  expect(accepting.json()).toMatchObject({
    success: false,
    code: 'service_unavailable',
    safe_to_retry: false,
  });
  expect((await post({ 'idempotency-key': 'outage' })).json()).toMatchObject({ safe_to_retry: true });
  const lookingUp = await post({}, await api.newCaller());
  // Nothing was taken from a caller that could not even be looked up.
  expect(lookingUp.json()).toMatchObject({ code: 'service_unavailable', safe_to_retry: true });
  expect((await post({}, { ...caller, client_id: '' })).statusCode).toBe(401);
  await expectRetryAdvice(requestsOf(api.app, caller), post);
  const ready = await api.app.inject('/health/ready');
  expect([ready.statusCode, ready.json().postgres]).toEqual([503, 'down']);
  expect((await api.app.inject('/health/live')).statusCode).toBe(200);

  await relay.mend();
  await vi.waitFor(async () => expect((await post({ 'idempotency-key': 'outage' })).statusCode).toBe(200), {
    timeout: 30_000,
    interval: 50,
  });
  expect((await api.app.inject('/health/ready')).json()).toMatchObject({ status: 'ok' });
});
