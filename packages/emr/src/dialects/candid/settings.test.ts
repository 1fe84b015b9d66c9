import { expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { quiet, sending } from '../../conformance/rule.ts';
import { openRecordingGrant } from '../../testing/recorded-grant.fixture.ts';
import { somePosting } from '../../testing/vendor-server.fixture.ts';
import { candid } from './adapter.ts';
import { candidAt, entry } from './candid.fixture.ts';

const CREDENTIALS = { client_id: 'client-4711', client_secret: 'sesame' };

const open = (change: Partial<EmrConnection> = {}) =>
  openRecordingGrant(candid, {
    baseUrl: 'https://pre-api.joincandidhealth.com',
    credentials: CREDENTIALS,
    ...change,
  });

test('the bucket is that of our address: all connections share it', () => {
  const { bucket } = open().adapter;
  expect(bucket).toEqual({
    scope: 'application',
    key: 'candid pre-api.joincandidhealth.com',
    windows: [{ calls: 1000, perMs: 10_000 }],
  });
  const other = open({ credentials: { client_id: 'b', client_secret: 'c' } }).adapter.bucket;
  expect(other).toEqual(bucket);
  const slower = open({ settings: { calls_per_minute: 60 } }).adapter;
  expect(slower.bucket?.windows).toEqual([{ calls: 10, perMs: 10_000 }]);
  expect(slower.describe().limits).toEqual([
    '10 requests in any 10 seconds for an IP address, over all practices',
  ]);
  const without = open({ settings: { calls_per_minute: 0 } }).adapter;
  expect([without.bucket, without.describe().limits]).toEqual([null, []]);
});

test('what was sent with one API key is not looked up with another, which may be another organization’s', () => {
  const { place } = open().adapter;
  const withKey = (client_id: string, client_secret: string) =>
    open({ credentials: { client_id, client_secret } }).adapter.place;
  expect(withKey('client-4711', 'another secret of the same key')).toBe(place);
  expect(withKey('client-4712', 'sesame')).not.toBe(place);
  expect(place).not.toMatch(/4711|sesame/);
});

test('the token endpoint is the vendor’s path below the base URL, or the one of the setting', () => {
  expect(open().grant).toMatchObject({
    kind: 'exchange',
    tokenUrl: 'https://pre-api.joincandidhealth.com/api/auth/v2/token',
    credential: ['client-4711', 'sesame'],
  });
  const settings = { token_url: 'https://auth.example/token' };
  expect(open({ settings }).grant).toMatchObject({ tokenUrl: 'https://auth.example/token' });
});

test.each([
  [
    { access_token: 'a', expires_in: 60, token_type: 'Bearer' },
    { token: 'a', expiresInMs: 60_000 },
  ],
  [{ access_token: 'a', expires_in: 60, token_type: 'mac' }, null],
  [{ access_token: 'a', token_type: 'Bearer' }, null],
  [{ errorName: 'TooManyRequestsError' }, null],
])('the answer %j of the token endpoint is %j', (body, token) => {
  const { grant } = open();
  if (grant?.kind !== 'exchange') throw new Error('another grant');
  expect(grant.read({ status: 200, body: JSON.stringify(body) })).toEqual(token);
});

test('a token that is rejected with 403 is renewed, and the payment waits for the next try', async () => {
  const body = { errorName: 'UnauthorizedError', content: { message: 'The token is not valid.' } };
  const { adapter, seen } = await candidAt({
    'POST /api/auth/v2/token': [
      { body: { access_token: 'token-1', expires_in: 86_400, token_type: 'Bearer' } },
      { body: { access_token: 'token-2', expires_in: 86_400, token_type: 'Bearer' } },
    ],
    'POST /api/patient-payments/v4': [{ status: 403, body }, { body: entry() }],
  });
  const posting = somePosting({ method: { id: 'check', name: 'Check' } });
  expect(await adapter.post(posting, sending())).toMatchObject({
    outcome: 'not_sent',
    code: 'token_renewed',
  });
  expect(await adapter.post(posting, sending())).toMatchObject({ outcome: 'posted' });
  expect(seen.at(-1)).toContain('authorization: Bearer token-2');
});

test.each([
  [401, {}],
  [401, { errorName: 'UnauthorizedError', content: {} }],
  [403, {}],
])('HTTP %i with %j is not how Candid rejects a token: the payment may be there', async (status, body) => {
  const { adapter } = await candidAt({
    'POST /api/auth/v2/token': [
      { body: { access_token: 'token-1', expires_in: 86_400, token_type: 'Bearer' } },
    ],
    'POST /api/patient-payments/v4': [{ status, body }],
  });
  const posting = somePosting({ method: { id: 'check', name: 'Check' } });
  expect(await adapter.post(posting, sending())).toMatchObject({ outcome: 'unknown' });
});

test('a check searches for a payment that there is not, and says what went wrong without a credential', async () => {
  const list = 'GET /api/patient-payments/v4';
  const good = await candidAt({ [list]: { body: { items: [] } } });
  expect(await good.adapter.check(quiet())).toMatchObject({ ok: true, locations: null, remarks: [] });
  expect(good.queries[0]?.get('source_internal_id')).toBe('0'.repeat(32));
  const ignoring = await candidAt({ [list]: { body: { items: [entry()] } } });
  expect(await ignoring.adapter.check(quiet())).toMatchObject({
    ok: false,
    reason: expect.stringContaining('does not search by source_internal_id'),
  });
  const content = { message: 'Not for sesame' };
  const bad = await candidAt({ [list]: { status: 403, body: { errorName: 'UnauthorizedError', content } } });
  expect(await bad.adapter.check(quiet())).toMatchObject({
    ok: false,
    reason: expect.stringMatching(
      /^GET \/api\/patient-payments\/v4 answered HTTP 403: Not for \[credential\]\. /,
    ),
  });
});

test.each([
  ['pat-1001', true],
  ['Jane Doe 7', true],
  ['a\u0000b', false],
])('the patient id %j is taken: %j', (text, ok) => {
  expect(candid.readPatientId(text, { baseUrl: 'https://pre-api.joincandidhealth.com' }).ok).toBe(ok);
});
