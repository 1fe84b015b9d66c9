import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApi, type TestApi } from './testing/test-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

test('/metrics counts requests by route and status, and accepts by outcome', async () => {
  await api.app.inject({ method: 'POST', url: '/v1/payments', payload: {} });
  await api.app.inject('/v1/payments/0123456789abcdef0123456789abcdef');
  const answer = await api.app.inject('/metrics');
  expect(answer.statusCode).toBe(200);
  const lines = answer.body.split('\n');
  expect(lines).toContain(
    'emr_payments_http_requests_total{route="/v1/payments",method="POST",status="401"} 1',
  );
  expect(lines).toContain(
    'emr_payments_http_requests_total{route="/v1/payments/:id",method="GET",status="401"} 1',
  );
  expect(answer.body).not.toContain('0123456789abcdef');
});
