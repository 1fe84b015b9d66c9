import { expect, test } from 'vitest';
import type { EmrConnection } from './adapter.ts';
import { openAdapter } from './open-adapter.ts';

const connection = (overrides: Partial<EmrConnection> = {}): EmrConnection => ({
  userId: 1,
  adapter: 'fhir',
  baseUrl: 'https://emr.test/fhir/',
  credentials: {},
  settings: {},
  timeZone: 'America/New_York',
  ...overrides,
});

test.each([
  [{}, 'conditional-create', true],
  [{ search: false }, 'conditional-create', false],
  [{ conditional_create: false }, 'lookup', true],
  [{ conditional_create: false, search: false }, 'none', false],
])('settings %j make the capability %s', (settings, capability, canFind) => {
  const adapter = openAdapter(connection({ settings }));
  expect(adapter.capability).toBe(capability);
  expect(adapter.find !== undefined).toBe(canFind);
  expect(adapter.drops).toEqual([]);
});

test('settle_ms is told, in ms', () => {
  expect(openAdapter(connection({ settings: { settle_ms: 250 } })).settleMs).toBe(250);
  expect(openAdapter(connection()).settleMs).toBe(60_000);
});

test.each([
  [{ adapter: 'fihr' }, "there is no adapter 'fihr'; the adapters are: fhir"],
  [{ adapter: 'constructor' }, "there is no adapter 'constructor'; the adapters are: fhir"],
  [{ baseUrl: 'emr.test' }, 'base_url is not a URL'],
  [{ baseUrl: 'ftp://emr.test' }, 'base_url must be http or https'],
  [{ baseUrl: 'https://me:secret@emr.test' }, 'base_url must have no user'],
  [{ baseUrl: 'https://emr.test/fhir?x=1' }, 'base_url must have no user, query'],
  [{ settings: { conditional_create: 'yes' } }, 'settings: conditional_create: expected boolean'],
  [{ settings: { conditonal_create: true } }, 'settings: conditonal_create: unexpected property'],
  [{ settings: { timeout_ms: 5 } }, 'settings: timeout_ms: '],
  [{ settings: { payment_identifier_system: 'urn:a|b' } }, 'settings: payment_identifier_system: '],
  [{ credentials: { token: 'abc' } }, 'credentials: token is not known here'],
  [{ credentials: { bearer_token: 'a\r\nb: c' } }, 'credentials: bearer_token has characters'],
] as [Partial<EmrConnection>, string][])('%j cannot be used', (overrides, message) => {
  expect(() => openAdapter(connection(overrides))).toThrow(message);
});
