import { expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { nexhealth } from './adapter.ts';
import { frame, openNexHealth } from './nexhealth-server.fixture.ts';

const open = (
  settings: object = {},
  credentials: Record<string, string> = { api_key: 'key-4711' },
  baseUrl = 'https://nexhealth.info/',
) =>
  nexhealth.open(
    {
      userId: 1,
      adapter: 'nexhealth',
      baseUrl,
      credentials,
      settings: { subdomain: 'demo', ...settings },
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );

test('a connection by default', () => {
  const adapter = open();
  expect(adapter).toMatchObject({
    capability: 'lookup',
    place: 'nexhealth https://nexhealth.info demo every location emr-payments-',
    settleMs: 1_800_000,
    confirmWithinMs: 86_400_000,
    bucket: {
      scope: 'api_key',
      windows: [
        { calls: 2000, perMs: 60_000 },
        { calls: 100, perMs: 1000 },
      ],
    },
  });
  expect(adapter.describe().limits).toEqual([
    '2000 requests a minute for the API key',
    '100 requests a second for the API key',
  ]);
  expect(adapter.describe([{ calls: 500, perMs: 60_000 }]).limits).toEqual([
    '500 requests a minute for the API key',
  ]);
});

test('connections with one key share the bucket, and its name does not hold the key', () => {
  const [one, same, other] = [open(), open({ subdomain: 'else' }), open({}, { api_key: 'key-4712' })];
  expect(one.bucket?.key).toBe(same.bucket?.key);
  expect(one.bucket?.key).not.toBe(other.bucket?.key);
  expect(one.bucket?.key).not.toContain('key-4711');
  expect(one.bucket?.key).toMatch(/^nexhealth [0-9a-f]{64}$/);
  const elsewhere = open({}, { api_key: 'key-4711' }, 'https://nexhealth.example');
  expect(elsewhere.bucket?.key).toBe(`${one.bucket?.key} nexhealth.example`);
  expect(open({ calls_per_minute: 0 }).bucket).toBeNull();
  expect(open({ calls_per_minute: 0 }).describe().limits).toEqual([]);
});

test.each([
  [{ subdomain: 'a b' }, 'settings: subdomain: '],
  [{ location_id: 0 }, 'settings: location_id: '],
  [{ transaction_id_prefix: 'x'.repeat(19) }, 'settings: transaction_id_prefix: '],
  [{ transaction_id_prefix: 'a b' }, 'settings: transaction_id_prefix: '],
  [{ token_url: 'authenticates' }, 'settings: token_url is not a URL'],
  [{ token_url: 'ftp://nexhealth.info/authenticates' }, 'settings: token_url must be http or https'],
  [{ token_url: 'http://nexhealth.info/authenticates' }, 'settings: token_url must be https'],
])('%j cannot be used', (settings, message) => {
  expect(() => open(settings)).toThrow(message);
});

test.each([[{}], [{ api_key: '' }], [{ api_key: 'a b' }]])(
  'the credentials %j cannot be used',
  (credentials) => {
    expect(() => open({}, credentials as Record<string, string>)).toThrow('credentials: api_key');
  },
);

test('token_url replaces the place of the token', async () => {
  const other = await openNexHealth({
    answers: { 'POST /elsewhere': { status: 201, body: frame({ token: 'token-9' }) } },
  });
  const { adapter, paths, asked } = await openNexHealth({
    settings: { token_url: `${other.baseUrl}/elsewhere` },
  });
  await adapter.list(quiet());
  expect(other.paths()).toEqual(['POST /elsewhere']);
  expect(paths()).not.toContain('POST /authenticates');
  expect(asked[0]?.headers.authorization).toBe('Bearer token-9');
});

test.each([
  ['415', true],
  ['MRN-1', false],
  ['0', false],
  ['007', false],
  ['4.15', false],
  ['-4', false],
])('the patient id %j is one: %j', (text, ok) => {
  const read = nexhealth.readPatientId(text, { baseUrl: 'https://nexhealth.info' });
  expect(read).toEqual(
    ok ? { ok, id: text } : { ok, problem: 'is not a NexHealth patient id, which is a whole number' },
  );
});
