import { createRegistry } from '@emr-payments/runtime/metrics';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from './app.ts';
import { buildHealthServer } from './health-server.ts';
import { LIMITS } from './limits.ts';
import { noInfrastructure } from './publish/text.ts';
import { openTestApi, type TestApi } from './testing/test-api.ts';

const TOKEN = 'a-token-of-the-metrics';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('/metrics', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await openTestApi({ metricsToken: TOKEN });
  });
  afterAll(() => api.close());

  test('counts requests by route and status, and accepts by outcome', async () => {
    await api.app.inject({ method: 'POST', url: '/v1/payments', payload: {} });
    await api.app.inject('/v1/payments/0123456789abcdef0123456789abcdef');
    const answer = await api.app.inject({ url: '/metrics', headers: bearer(TOKEN) });
    expect(answer.statusCode).toBe(200);
    const lines = answer.body.split('\n');
    expect(lines).toContain(
      'emr_payments_http_requests_total{route="/v1/payments",method="POST",status="401"} 1',
    );
    expect(lines).toContain(
      'emr_payments_http_requests_total{route="/v1/payments/:id",method="GET",status="401"} 1',
    );
    expect(lines).toContain(
      'emr_payments_http_request_seconds_count{route="/v1/payments",method="POST",status="4xx"} 1',
    );
    expect(answer.body).not.toContain('0123456789abcdef');
  });

  test('what can be counted of payments is there from the first scrape, with 0', async () => {
    const { body } = await api.app.inject({ url: '/metrics', headers: bearer(TOKEN) });
    for (const line of [
      'emr_payments_http_requests_total{route="/v1/payments",method="POST",status="200"} 0',
      'emr_payments_http_requests_total{route="/v1/payments",method="POST",status="503"} 0',
      'emr_payments_http_request_seconds_count{route="/v1/payments",method="POST",status="5xx"} 0',
      'emr_payments_http_failures_total{accepting="true",code="service_unavailable"} 0',
      'emr_payments_accepts_total{outcome="accepted"} 0',
      'emr_payments_accepts_total{outcome="error"} 0',
      'emr_payments_patient_lookups_total{outcome="found"} 0',
      'emr_payments_tenant_refusals_total 0',
      'emr_payments_audit_write_failures_total 0',
    ])
      expect(body).toContain(`${line}\n`);
  });

  test('methods that nobody uses are one, however many Node knows', async () => {
    const routes = async () =>
      (await api.app.inject({ url: '/metrics', headers: bearer(TOKEN) })).body
        .split('\n')
        .filter((line) => line.startsWith('emr_payments_http_requests_total{route="none"'));
    for (const method of ['PROPFIND', 'SEARCH', 'MKCOL'] as const)
      await api.app.inject({ method: method as 'GET', url: '/nowhere' });
    expect(await routes()).toEqual([
      'emr_payments_http_requests_total{route="none",method="other",status="404"} 3',
    ]);
  });

  test.each([
    ['no token', {}],
    ['another token', bearer('a-token-of-somebody')],
    ['a longer one', bearer(`${TOKEN}x`)],
    ['a part of it', bearer(TOKEN.slice(0, -1))],
    ['another scheme', { authorization: `Basic ${TOKEN}` }],
    ['the token alone', { authorization: TOKEN }],
    ['nothing after the scheme', { authorization: 'Bearer ' }],
  ])('on the port of the API, %s is refused', async (_name, headers) => {
    const answer = await api.app.inject({ url: '/metrics', headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="metrics"');
    expect(answer.body).not.toContain('emr_payments_');
  });
});

test('without a token, the port of the API has no /metrics', async () => {
  const app = await buildApp(noInfrastructure());
  expect((await app.inject('/metrics')).statusCode).toBe(404);
  await app.close();
});

describe('the health port', () => {
  const open = (metricsToken: string | undefined, stopping = new AbortController().signal) =>
    buildHealthServer({
      checks: { postgres: async () => null, queue: async () => null },
      limits: LIMITS,
      stopping,
      metrics: { registry: createRegistry({ process: 'api' }) },
      metricsToken,
    });

  test('has /metrics and /health, and no route of the API', async () => {
    const app = await open(undefined);
    expect((await app.inject('/metrics')).body).toContain('nodejs_');
    expect((await app.inject('/health/live')).statusCode).toBe(200);
    expect((await app.inject('/health/ready')).json()).toMatchObject({ status: 'ok' });
    expect((await app.inject({ method: 'POST', url: '/v1/payments', payload: {} })).statusCode).toBe(404);
    await app.close();
  });

  test('wants the token, too, when there is one', async () => {
    const app = await open(TOKEN);
    expect((await app.inject('/metrics')).statusCode).toBe(401);
    expect((await app.inject({ url: '/metrics', headers: bearer(TOKEN) })).statusCode).toBe(200);
    await app.close();
  });

  test('says that the process stops', async () => {
    const app = await open(undefined, AbortSignal.abort());
    const answer = await app.inject('/health/ready');
    expect([answer.statusCode, answer.json().status]).toEqual([503, 'stopping']);
    await app.close();
  });
});
