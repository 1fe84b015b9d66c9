import { openRelay, type Relay } from '@emr-payments/testkit/relay';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { OPERATOR_ROUTES } from './audited-routes.ts';
import { openTestOperatorApi, type TestOperatorApi } from './testing/operator-api.ts';

let api: TestOperatorApi;
let relay: Relay;
beforeAll(async () => {
  api = await openTestOperatorApi({
    urlOf: async (url) => {
      relay = await openRelay(url);
      return relay.url;
    },
  });
});
afterAll(async () => {
  relay.resume();
  await api.close();
  await relay.cut();
});

test('PostgreSQL stopped: every route is 503, and answers again afterwards', async () => {
  await relay.cut();
  for (const route of Object.keys(OPERATOR_ROUTES)) {
    const [method = '', path = ''] = route.split(' ');
    const below = path.replace('/operator/v1', '').replaceAll(/:\w+/g, 'nothing');
    const answer = await api.ask(method as 'GET', below);
    expect([route, answer.statusCode, answer.json().code]).toEqual([route, 503, 'service_unavailable']);
    // Nothing can have been done: the caller is not known yet.
    expect(answer.json().safe_to_retry).toBe(true);
  }
  await relay.mend();
  await vi.waitFor(async () => expect((await api.ask('GET', '/clients')).statusCode).toBe(200), {
    timeout: 15_000,
    interval: 50,
  });
});
