import { expect, test, vi } from 'vitest';
import { ACCEPT, KEY, nexhealthForTest, PLACE, payment } from './nexhealth.fixture.ts';

test('an API key gives a token of one hour', async () => {
  const { authenticate, get } = await nexhealthForTest();
  const answer = await authenticate({ authorization: KEY, accept: ACCEPT });
  expect([answer.statusCode, answer.json()]).toEqual([
    201,
    {
      code: true,
      description: '',
      error: [],
      data: { token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) },
    },
  ]);
  const { token } = answer.json().data;
  const read = () => get('/sync_status', { authorization: `Bearer ${token}` });
  expect((await read()).statusCode).toBe(200);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_001 });
  try {
    expect((await read()).statusCode).toBe(401);
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  ['no key', { accept: ACCEPT }, 401],
  ['another key', { authorization: 'other', accept: ACCEPT }, 401],
  ['the key as a bearer token', { authorization: `Bearer ${KEY}`, accept: ACCEPT }, 401],
  ['no version in Accept', { authorization: KEY }, 400],
  ['another version in Accept', { authorization: KEY, accept: 'application/json' }, 400],
])('a token call with %s is refused', async (_name, headers, status) => {
  const { authenticate } = await nexhealthForTest();
  const answer = await authenticate(headers as Record<string, string>);
  expect([answer.statusCode, answer.json().code]).toEqual([status, false]);
});

test('without a secret any key is taken, but a missing or malformed one is refused', async () => {
  const { authenticate } = await nexhealthForTest({ token: undefined });
  const status = async (authorization: string) =>
    (await authenticate({ authorization, accept: ACCEPT })).statusCode;
  expect([await status('any-key'), await status(''), await status('two words')]).toEqual([201, 401, 401]);
});

test('calls need a token that was issued here', async () => {
  const { get, good } = await nexhealthForTest();
  for (const authorization of ['', KEY, `Bearer ${KEY}`, `Basic ${KEY}`, good.authorization.slice(0, -1)]) {
    const answer = await get(`/payments?${PLACE}&patient_id=1`, { ...good, authorization });
    expect([answer.statusCode, answer.json().code], authorization).toEqual([401, false]);
  }
});

test('ledger calls and patients need the version of the API', async () => {
  const { get, post, good } = await nexhealthForTest();
  const { authorization } = good;
  for (const version of [{}, { 'nex-api-version': 'v2' }]) {
    const headers = { authorization, ...version } as typeof good;
    expect((await post({ payment }, { headers })).statusCode).toBe(400);
    for (const path of ['/payments', '/payments/1', '/payment_types', '/patients'])
      expect((await get(`${path}?${PLACE}&patient_id=1`, headers)).statusCode, path).toBe(400);
  }
  const older = { authorization, 'nex-api-version': 'v20240412' };
  expect((await post({ payment }, { headers: older })).statusCode).toBe(202);
});

test('a call names the institution and a place of it', async () => {
  const { get, post } = await nexhealthForTest();
  for (const [place, status] of [
    ['location_id=1', 400],
    ['subdomain=demo-practice', 400],
    ['subdomain=demo-practice&location_id=main', 400],
    ['subdomain=other&location_id=1', 403],
    ['subdomain=demo-practice&location_id=99', 403],
  ] as const) {
    expect((await post({ payment }, { path: `/payments?${place}` })).statusCode, place).toBe(status);
    expect((await get(`/payment_types?${place}`)).statusCode, place).toBe(status);
  }
});

test('ledger calls are refused until the vendor turns on financial data', async () => {
  const { get, pay, control } = await nexhealthForTest();
  await control({ financial_data: false });
  const refused = await pay();
  expect([refused.statusCode, refused.json().error]).toEqual([
    403,
    ["You don't have access to perform this action."],
  ]);
  expect((await get(`/payments?${PLACE}&patient_id=1`)).statusCode).toBe(403);
  expect((await get(`/payment_types?${PLACE}`)).statusCode).toBe(403);
  expect((await get(`/patients?${PLACE}`)).statusCode).toBe(200);
  await control({ financial_data: true });
  expect((await pay()).statusCode).toBe(202);
});

test('at the pace of the vendor a key may make 100 calls a second, token calls too', async () => {
  const { get, authenticate } = await nexhealthForTest({ pace: { limits: 'vendor', later_ms: 0 } });
  const statuses: number[] = [];
  for (let call = 0; call < 99; call += 1) statuses.push((await get('/sync_status')).statusCode);
  expect(new Set(statuses)).toEqual(new Set([200]));
  const passed = await get('/sync_status');
  expect([passed.statusCode, passed.json().code]).toEqual([429, false]);
  expect((await authenticate({ authorization: KEY, accept: ACCEPT })).statusCode).toBe(429);
});

test('a scripted fault is answered in the form of the vendor', async () => {
  const { app, pay, ledger } = await nexhealthForTest();
  const script = (fault: object) => app.inject({ method: 'POST', url: '/sandbox/faults', body: fault });
  await script({
    kind: 'too_many_requests',
    retry_after_seconds: 9,
    count: 1,
    match: { resource: 'payments' },
  });
  const throttled = await pay();
  expect([throttled.statusCode, throttled.headers['retry-after'], throttled.json().code]).toEqual([
    429,
    '9',
    false,
  ]);
  await script({ kind: 'commit_then_500', count: 1 });
  expect((await pay()).json()).toMatchObject({
    code: false,
    error: ['A scripted fault after the commit.'],
    data: {},
  });
  expect(await ledger()).toHaveLength(1);
});
