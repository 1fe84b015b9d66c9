import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { createSourceFailures } from './source-failures.ts';

let api: TestApi;
const clock = { now: 0 };

beforeAll(async () => {
  api = await openTestApi({
    limiter: createRateLimiter({ clientPerSecond: 10, userPerSecond: 3 }, () => clock.now),
    authFailuresPerMinute: 4,
  });
});
afterAll(() => api.close());

describe('rate limits', () => {
  test('a request over the limit is 429 in our shape, says when to try again, and accepts nothing', async () => {
    const { post, get } = userRequests(api, await api.newCaller());
    const answers = [];
    for (let n = 0; n < 5; n += 1) answers.push(await post('/v1/payments', CREATE_PAYMENT_EXAMPLE));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[0]?.headers).toMatchObject({
      'ratelimit-policy': '"client";q=10;w=1, "user";q=3;w=1',
      ratelimit: '"client";r=9;t=1, "user";r=2;t=1',
    });
    const refused = answers[3];
    expect(refused?.headers['retry-after']).toBe('1');
    expect(refused?.json()).toMatchObject({
      success: false,
      code: 'rate_limited',
      message: 'Too many requests: at most 3 a second for each user.',
      safe_to_retry: true,
    });
    clock.now += 1000;
    expect((await get('/v1/payments')).json().data).toHaveLength(3);
  });

  test('a client’s own requests count for the client', async () => {
    const caller = await api.newCaller();
    const list = () =>
      api.app.inject({ method: 'GET', url: '/v1/webhooks', headers: credentialHeaders(caller) });
    const codes: number[] = [];
    for (let n = 0; n < 12; n += 1) codes.push((await list()).statusCode);
    expect(codes).toEqual([...Array(10).fill(200), 429, 429]);
  });
});

describe('failed authentications', () => {
  const tryAs = (headers: Record<string, string>, remoteAddress: string) =>
    api.app.inject({ method: 'GET', url: '/v1/payments', headers, remoteAddress });
  const wrong = { client_id: 'ci_nobody', client_secret: 'x', access_token: 'y' };

  test('of one address end in 429, for strangers only, and not for other addresses', async () => {
    const known = credentialHeaders(await api.newCaller());
    const stranger = credentialHeaders(await api.newCaller());
    expect((await tryAs(known, '192.0.2.1')).statusCode).toBe(200);
    const codes: number[] = [];
    for (let n = 0; n < 6; n += 1) codes.push((await tryAs(wrong, '192.0.2.1')).statusCode);
    expect(codes).toEqual([401, 401, 401, 401, 429, 429]);
    const blocked = await tryAs(stranger, '192.0.2.1');
    expect([blocked.statusCode, blocked.json().code]).toEqual([429, 'rate_limited']);
    expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(0);
    expect((await tryAs(known, '192.0.2.1')).statusCode).toBe(200);
    expect((await tryAs(stranger, '192.0.2.2')).statusCode).toBe(200);
  });

  test('are all counted in the audit log, also those that were not looked at any more', async () => {
    const before = (await api.audited()).length;
    for (let n = 0; n < 40; n += 1) await tryAs({ ...wrong, client_id: 'ci_claimed' }, '192.0.2.40');
    // Whatever else is in the header is not written down: it may be a secret.
    await tryAs({ ...wrong, client_id: 'cs_pasted_into_the_wrong_header' }, '192.0.2.41');
    const entries = (await api.audited()).slice(before);
    const counts = new Map<string, number>();
    for (const { actor, source, subject, count } of entries) {
      const key = `${actor} ${source} ${subject}`;
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
    expect([...counts]).toEqual([
      ['client:ci_claimed 192.0.2.40 credential:invalid_client', 4],
      ['client:ci_claimed 192.0.2.40 credential:rate_limited', 36],
      ['client: 192.0.2.41 credential:invalid_client', 1],
    ]);
    expect(
      JSON.stringify(entries, (_key, value) => (typeof value === 'bigint' ? Number(value) : value)),
    ).not.toContain('pasted');
  });

  test('are counted by network, for a minute', () => {
    const time = { now: 1 };
    const sources = createSourceFailures(2, { now: () => time.now });
    sources.failed('2001:db8::1');
    sources.failed('2001:db8::2');
    expect(sources.blockedFor('2001:db8::3', 'ci')).toBe(60);
    expect(sources.blockedFor('2001:db8:1::3', 'ci')).toBe(0);
    sources.proved('2001:db8::9', 'ci');
    expect(sources.blockedFor('2001:db8::3', 'ci')).toBe(0);
    expect(sources.blockedFor('2001:db8::3', 'other')).toBe(60);
    time.now += 61_000;
    expect(sources.blockedFor('2001:db8::3', 'other')).toBe(0);
  });
});
