import { expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { openRecordingGrant } from '../../testing/recorded-grant.fixture.ts';
import { athenaPpv, athenaRecord } from './adapter.ts';

const SECRET = 'S3cret-4711';

const open = (dialect: typeof athenaPpv, { settings, ...change }: Partial<EmrConnection> = {}) =>
  openRecordingGrant(dialect, {
    baseUrl: 'https://api.platform.athenahealth.com',
    credentials: { client_id: 'client-1', client_secret: SECRET },
    ...change,
    settings: {
      practice_id: '195900',
      ...(dialect === athenaPpv ? { vendor_code: 'V' } : {}),
      ...settings,
    },
  });

test.each([
  [{ baseUrl: 'https://api.platform.athenahealth.com/v1/195900' }, 'base_url must end before /v1'],
  [{ baseUrl: 'https://api.platform.athenahealth.com/v1' }, 'base_url must end before /v1'],
  [{ settings: { practice_id: 'x' } }, 'settings: practice_id'],
  [{ settings: { vendor_code: 'a/b' } }, 'settings: vendor_code'],
  [{ settings: { post_date_field: 'date' } }, 'settings: post_date_field'],
  [{ settings: { card_last4: '12345' } }, 'settings: card_last4'],
  [
    { settings: { duplicate_pattern: 'a|' } },
    'settings: duplicate_pattern has an alternative without a text',
  ],
  [{ settings: { card_methods: '*' } }, 'settings: card_methods has an alternative without a text'],
  [{ settings: { token_url: 'tokens' } }, 'settings: token_url is not a URL'],
  [{ settings: { token_url: 'http://tokens.test/' } }, 'settings: token_url must be https'],
  [{ credentials: { client_id: 'client-1' } }, 'credentials: client_secret is missing'],
] as [Partial<EmrConnection>, string][])('%j cannot be used', (change, message) => {
  let said = '';
  try {
    open(athenaPpv, change);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toContain(message);
  expect(said).not.toContain(SECRET);
});

test.each([
  ['https://api.platform.athenahealth.com', 'https://api.platform.athenahealth.com/oauth2/v1/token'],
  ['http://127.0.0.1:4010/athena/', 'http://127.0.0.1:4010/athena/oauth2/v1/token'],
])('tokens of %s come from %s', (baseUrl, tokenUrl) => {
  expect(open(athenaPpv, { baseUrl }).grant).toEqual({
    kind: 'client_credentials',
    tokenUrl,
    clientId: 'client-1',
    clientSecret: SECRET,
    clientAuth: 'basic',
    scope: 'athena/service/Athenanet.MDP.*',
  });
});

test('the token endpoint and the scope are settings', () => {
  const settings = { token_url: 'https://tokens.test/t', scope: 'a b' };
  expect(open(athenaRecord, { settings }).grant).toMatchObject({
    tokenUrl: 'https://tokens.test/t',
    scope: 'a b',
  });
});

test('the limit is for the app: connections with the same client share it, and preview is slower', () => {
  const bucketOf = (change: Partial<EmrConnection>) => open(athenaPpv, change).adapter.bucket;
  const usual = bucketOf({});
  expect(usual).toMatchObject({
    scope: 'application',
    windows: [
      { calls: 9000, perMs: 60_000 },
      { calls: 150, perMs: 1000 },
    ],
  });
  expect(bucketOf({ userId: 2, settings: { practice_id: '7' } })).toEqual(usual);
  expect(open(athenaRecord).adapter.bucket).toEqual(usual);
  expect(bucketOf({ credentials: { client_id: 'client-2', client_secret: SECRET } })?.key).not.toBe(
    usual?.key,
  );
  const preview = bucketOf({ baseUrl: 'https://api.preview.platform.athenahealth.com' });
  expect(preview?.windows).toEqual([
    { calls: 900, perMs: 60_000 },
    { calls: 15, perMs: 1000 },
  ]);
  expect(bucketOf({ settings: { calls_per_minute: 0 } })).toBeNull();
});

test('the place names the vendor, the address and the practice, and no secret', () => {
  const placeOf = (change: Partial<EmrConnection>) => open(athenaPpv, change).adapter.place;
  expect(placeOf({})).toBe('athena-ppv V https://api.platform.athenahealth.com 195900');
  expect(placeOf({ settings: { vendor_code: 'W' } })).not.toBe(placeOf({}));
  expect(open(athenaRecord).adapter.place).toBe('athena-record https://api.platform.athenahealth.com 195900');
});

test('a vendor payment is sent again with its key after settle_ms, a recorded one never', () => {
  expect(open(athenaPpv).adapter).toMatchObject({ capability: 'conditional-create', settleMs: 60_000 });
  expect(open(athenaPpv, { settings: { settle_ms: 5 } }).adapter.settleMs).toBe(5);
  const record = open(athenaRecord).adapter;
  expect([record.capability, record.find]).toEqual(['none', undefined]);
  expect(open(athenaPpv).adapter.find).toBeUndefined();
});

test.each([
  ['4711', true],
  ['0', false],
  ['-1', false],
  ['4711a', false],
  ['1234567890123456', false],
])('the patient id %s: %s', (text, ok) => {
  expect(athenaPpv.readPatientId(text, { baseUrl: 'https://x.test' }).ok).toBe(ok);
});
