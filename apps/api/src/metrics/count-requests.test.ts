import { createRegistry } from '@emr-payments/runtime/metrics';
import { expect, test } from 'vitest';
import { countRequests } from './count-requests.ts';

test('failures are the answers of 500 and more, by their code, those of accepting apart', async () => {
  const registry = createRegistry({ process: 'api' });
  const { request } = countRequests(registry);
  const accepting = { route: '/v1/payments', method: 'POST', seconds: 0.1 };
  const listing = { ...accepting, method: 'GET' };
  request({ ...accepting, status: 503, code: 'service_unavailable' });
  request({ ...accepting, status: 422, code: 'idempotency_key_reused' });
  request({ ...listing, status: 500, code: null });
  const counted = (await registry.metrics())
    .split('\n')
    .filter((line) => /^emr_payments_http_failures_total.* [1-9]/.test(line));
  expect(counted).toEqual([
    'emr_payments_http_failures_total{accepting="true",code="service_unavailable"} 1',
    'emr_payments_http_failures_total{accepting="false",code="internal_error"} 1',
  ]);
});
