import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { FLOODS, pourInto, startRawServer } from '@emr-payments/testkit/flood';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({ limits: { emrWaitMs: 60_000 } });
});
afterAll(() => api.close());

const userOf = async (emrUrl: string) => userRequests(api, await api.newCaller({ baseUrl: `${emrUrl}fhir` }));

test('sixteen requests of a client wait for an EMR at once; another client is not refused', async () => {
  const hanging = await startRawServer(() => undefined);
  onTestFinished(() => hanging.close());
  const user = await userOf(hanging.url);
  const settled: { statusCode: number; code: string; retryAfter: unknown; message: string }[] = [];
  const asks = Array.from({ length: 20 }, async (_, n) => {
    const asking =
      n % 2 === 0
        ? user.get('/v1/connection')
        : user.post('/v1/payments?dry_run=true', CREATE_PAYMENT_EXAMPLE);
    const { statusCode, json, headers } = await asking;
    const { code, message } = json();
    settled.push({ statusCode, code, message, retryAfter: headers['retry-after'] });
  });
  await expect.poll(() => settled.length).toBe(4);
  for (const one of settled) {
    expect(one).toEqual({
      statusCode: 429,
      code: 'rate_limited',
      retryAfter: '1',
      message: 'Too many requests: at most 16 requests of one client that wait for an EMR at a time.',
    });
  }
  const other = await (await userOf('http://127.0.0.1:1/')).get('/v1/connection');
  expect([other.statusCode, other.json().data.lists_read]).toEqual([200, false]);

  hanging.close();
  await Promise.all(asks);
  // A dry run cannot be answered without the EMR; the connection can.
  expect(new Set(settled.slice(4).map(({ statusCode }) => statusCode))).toEqual(new Set([200, 502]));
  expect(settled).toHaveLength(20);
  // Each one gave its place back.
  expect((await user.get('/v1/connection')).statusCode).toBe(200);
});

test('an EMR that floods is unavailable', async () => {
  const flood = await startRawServer((socket) => pourInto(socket, FLOODS['interim answers']));
  onTestFinished(() => flood.close());
  const answer = await (await userOf(flood.url)).get('/v1/connection');
  expect(answer.statusCode).toBe(200);
  expect(answer.json().data).toMatchObject({
    lists_read: false,
    payment_methods: [],
    health: { state: 'degraded', last_trouble: { code: 'answer_too_large' } },
  });
});

test.each(['unreachable', 'login_required'])(
  'lists that took no call mend no connection that is %s',
  async (state) => {
    // The names of DrChrono's lists are its own, so nothing is called. Nothing listens there.
    const caller = await api.newCaller({
      baseUrl: 'http://127.0.0.1:1',
      connection: {
        adapter: 'drchrono',
        credentials: { client_id: 'c', client_secret: 's', refresh_token: 'r' },
        settings: {},
      },
    });
    await api.database.pool.query(
      `INSERT INTO connection_states (user_id, state, outages, outage_open, stopped_until) VALUES ($1, $2, 1, true, now())`,
      [caller.userId, state],
    );
    const answer = await userRequests(api, caller).get('/v1/connection');
    expect(answer.json().data).toMatchObject({ lists_read: true, health: { state } });
    const { rows } = await api.database.pool.query('SELECT FROM events WHERE user_id = $1', [caller.userId]);
    expect(rows).toEqual([]);
  },
);
