import { expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { quiet } from '../../conformance/rule.ts';
import { openRecordingGrant } from '../../testing/recorded-grant.fixture.ts';
import type { VendorAnswer } from '../../testing/vendor-server.fixture.ts';
import { drchrono } from './adapter.ts';
import { drchronoAt, row } from './drchrono.fixture.ts';

const CREDENTIALS = { client_id: 'client-4711', client_secret: 'sesame', refresh_token: 'refresh-1' };

const open = (change: Partial<EmrConnection> = {}) =>
  openRecordingGrant(drchrono, {
    baseUrl: 'https://app.drchrono.com/',
    credentials: CREDENTIALS,
    ...change,
  });

test('the bucket is the application’s, all practices together, and names no credential', () => {
  const { adapter } = open();
  const other = open({ credentials: { ...CREDENTIALS, refresh_token: 'of-another-practice' } }).adapter;
  expect(adapter.bucket).toMatchObject({
    scope: 'application',
    windows: [
      { calls: 500, perMs: 3_600_000 },
      { calls: 9, perMs: 1000 },
    ],
  });
  expect(other.bucket).toEqual(adapter.bucket);
  const another = open({ credentials: { ...CREDENTIALS, client_id: 'client-4712' } }).adapter;
  expect(another.bucket?.key).not.toBe(adapter.bucket?.key);
  expect(adapter.bucket?.key).toMatch(/^drchrono [0-9a-f]{32}$/);
  expect(open({ baseUrl: 'https://test.drchrono.example' }).adapter.bucket?.key).toBe(
    `${adapter.bucket?.key} test.drchrono.example`,
  );
  for (const secret of Object.values(CREDENTIALS)) {
    expect(adapter.bucket?.key).not.toContain(secret);
    expect(adapter.place).not.toContain(secret);
  }
});

test('calls_per_hour changes the hour, and 0 takes the limit away', () => {
  const raised = open({ settings: { calls_per_hour: 4000 } }).adapter;
  expect(raised.bucket?.windows[0]).toEqual({ calls: 4000, perMs: 3_600_000 });
  expect(raised.describe().limits[0]).toMatch(/^4000 requests an hour /);
  const without = open({ settings: { calls_per_hour: 0 } }).adapter;
  expect([without.bucket, without.describe().limits]).toEqual([null, []]);
});

test('the token endpoint is the vendor’s path below the base URL, or the one of the setting', () => {
  expect(open().grant).toMatchObject({
    kind: 'refresh_token',
    tokenUrl: 'https://app.drchrono.com/o/token/',
    clientAuth: 'post',
    refreshToken: 'refresh-1',
  });
  const elsewhere = { token_url: 'https://auth.example/token' };
  expect(open({ settings: elsewhere }).grant).toMatchObject({ tokenUrl: 'https://auth.example/token' });
  expect(() => open({ settings: { token_url: 'ftp://a' } })).toThrow('token_url must be http or https');
});

test('a list settles for longer than the thirty seconds that it may lag', () => {
  expect(open().adapter.settleMs).toBeGreaterThanOrEqual(30_000);
});

test.each(['client_id', 'client_secret', 'refresh_token'])('without %s it does not open', (name) => {
  const { [name as keyof typeof CREDENTIALS]: _, ...credentials } = CREDENTIALS;
  expect(() => open({ credentials })).toThrow(`credentials: ${name} is missing`);
});

test.each([
  [' 1234 '.trim(), true],
  ['01234', false],
  ['MRN-1', false],
  ['12.5', false],
  ['9'.repeat(16), false],
])('the patient id %j is taken: %j', (text, ok) => {
  expect(drchrono.readPatientId(text, { baseUrl: 'https://app.drchrono.com' }).ok).toBe(ok);
});

test('the names are the vendor’s labels and what people call them, and DRCP is never among them', async () => {
  const { adapter } = open();
  const lists = await adapter.list(quiet());
  if (lists.outcome !== 'listed') throw new Error(lists.outcome);
  expect(lists.methods.map(({ id }) => id)).not.toContain('DRCP');
  const named = async (paymentMethod: string) => {
    const resolved = await adapter.resolve({ paymentMethod, location: 'anywhere' }, quiet());
    return resolved.outcome === 'resolved' ? resolved.method.id : resolved.outcome;
  };
  expect(
    await Promise.all(['CASH', 'check', ' master card', 'visa', 'Card', 'Patient  portal'].map(named)),
  ).toEqual(['CASH', 'CHCK', 'refused', 'VISA', 'CRDT', 'PTPA']);
});

test('a check reads one payment, and says what went wrong without a credential', async () => {
  const list = (answer: object) => (baseUrl: string) => ({
    'GET /api/patient_payments': JSON.parse(JSON.stringify(answer).replace('BASE', baseUrl)),
  });
  const next = 'BASE/api/patient_payments?cursor=a';
  const good = await drchronoAt(list({ body: { results: [row()], next } }));
  expect(await good.adapter.check(quiet())).toMatchObject({ ok: true, locations: null, remarks: [] });
  expect(good.queries.map(String)).toEqual(['page_size=1', '', '']);
  // Look-ups could read no second page.
  const elsewhere = await drchronoAt(
    list({ body: { results: [row()], next: 'https://elsewhere.example/' } }),
  );
  expect(await elsewhere.adapter.check(quiet())).toMatchObject({
    ok: false,
    reason: expect.stringContaining('link to the next page'),
  });
  const detail = 'No permission for refresh-1 of sesame';
  const bad = await drchronoAt(list({ status: 403, body: { detail } }));
  expect(await bad.adapter.check(quiet())).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason:
      'GET /api/patient_payments answered HTTP 403: No permission for [credential] of [credential]. The EMR does not permit this with our credentials (HTTP 403).',
  });
});

const PAGE = { 'GET /api/patient_payments': { body: { results: [] } } };
const user = (change: object = {}) => ({
  'GET /api/users/7': { body: { id: 7, practice_group: 31, ...change } },
});
const current = (answer: VendorAnswer) => ({ 'GET /api/users/current': answer });

test.each([
  ['as a text', {}, '31'],
  ['as a number', user(), '31'],
  ['as a long number', user({ practice_group: '12345678901234567890' }), '12345678901234567890'],
  ['without a redirect', current({ body: { id: '7', practice_group: 'a-31' } }), 'a-31'],
  [
    'by an address with a slash at its end, on another host',
    current({ status: 301, headers: { location: 'https://drchrono.example/api/users/7/' } }),
    '31',
  ],
])('a check reads the practice %s', async (_name, answers, practice_group) => {
  const { adapter, seen } = await drchronoAt({ ...PAGE, ...answers });
  expect(await adapter.check(quiet())).toMatchObject({
    ok: true,
    statement: { practice_group },
    remarks: [],
  });
  expect(seen.filter((each) => each.startsWith('GET /api/users/')).join()).toContain(
    'cache-control: no-cache',
  );
});

test.each([
  ['no right to read it', current({ status: 403, body: { detail: 'No permission.' } }), 'with HTTP 403'],
  ['no such path', current({ status: 404 }), 'with HTTP 404'],
  [
    'a redirect to a page',
    current({ status: 302, headers: { location: '/accounts/login' } }),
    'with HTTP 302',
  ],
  ['no practice group', user({ practice_group: null }), 'without one'],
  ['the practice group 0', user({ practice_group: 0 }), 'without one'],
  ['another user', user({ id: 8 }), 'without one'],
  ['a page', { 'GET /api/users/7': { body: '<html>' } }, 'without one'],
  [
    'a cached user',
    { 'GET /api/users/7': { headers: { age: '9' }, body: { id: 7, practice_group: 31 } } },
    'cache',
  ],
  [
    'a cached redirect',
    current({ status: 302, headers: { location: '/api/users/7', age: '9' } }),
    'with HTTP 302',
  ],
])('%s names no practice, and nothing is guessed', async (_name, answers, why) => {
  const { adapter } = await drchronoAt({ ...PAGE, ...answers });
  const remarks = [expect.stringContaining(why)];
  expect(await adapter.check(quiet())).toMatchObject({
    ok: true,
    statement: { practice_group: null },
    remarks,
  });
});

test.each([503, 429, 401])('the practice is asked for again after %i', async (status) => {
  const { adapter } = await drchronoAt({ ...PAGE, ...current({ status, body: { detail: 'Later.' } }) });
  const reason = expect.stringContaining(`GET /api/users/current answered HTTP ${status}: Later.`);
  expect(await adapter.check(quiet())).toMatchObject({ ok: false, reason });
});

test('the practice is the place, whichever of its users logs in; where it is not known, each login is a place of its own', () => {
  const placeOf = (
    practice_group: string | null | undefined,
    refresh_token: string,
    client_id = 'client-4711',
  ) =>
    open({
      credentials: { ...CREDENTIALS, client_id, refresh_token },
      statement: practice_group === undefined ? {} : { practice_group },
    }).adapter.place;
  const here = placeOf('31', 'a');
  expect(here).toBe('drchrono https://app.drchrono.com notes practice 31');
  expect(placeOf('31', 'b', 'client-4712')).toBe(here);
  expect(placeOf('32', 'a')).not.toBe(here);
  const unnamed = placeOf(null, 'refresh-1');
  expect(placeOf(null, 'refresh-1')).toBe(unnamed);
  const others = [
    placeOf(null, 'refresh-2'),
    placeOf(null, 'refresh-1', 'client-4712'),
    placeOf('31', 'refresh-1'),
  ];
  expect(others).not.toContain(unnamed);
  expect(unnamed).not.toContain('refresh-1');
  // The text of sends that were stored before the practice was read.
  expect(placeOf(undefined, 'a')).toBe('drchrono https://app.drchrono.com notes');
});
