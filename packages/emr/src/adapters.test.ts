import { DROPPED_FIELDS } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import type { EmrConnection } from './adapter.ts';
import {
  adapterDescriptions,
  adapterNames,
  canonicalAdapterName,
  createAdapters,
  noticeReader,
  openAdapter,
} from './adapters.ts';
import { droppedFields } from './description.ts';
import { localAdapterDeps } from './local-deps.ts';

const connection = (overrides: Partial<EmrConnection> = {}): EmrConnection => ({
  userId: 1,
  adapter: 'fhir-r5',
  baseUrl: 'https://emr.test/fhir/',
  credentials: {},
  settings: {},
  timeZone: 'America/New_York',
  ...overrides,
});

const open = (opened: EmrConnection) => openAdapter(opened, localAdapterDeps());

test.each([
  [{}, 'conditional-create', true],
  [{ search: false }, 'conditional-create', false],
  [{ conditional_create: false }, 'lookup', true],
  [{ conditional_create: false, search: false }, 'none', false],
])('settings %j make the capability %s', (settings, capability, canFind) => {
  const adapter = open(connection({ settings }));
  expect(adapter.capability).toBe(capability);
  expect(adapter.find !== undefined).toBe(canFind);
  expect(droppedFields(adapter)).toEqual([]);
});

test.each(adapterDescriptions)('the dropped fields of $name are published names', ({ name, example }) => {
  const adapter = open(connection({ ...example, adapter: name }));
  expect(DROPPED_FIELDS).toEqual(expect.arrayContaining(droppedFields(adapter)));
});

test.each(adapterDescriptions)(
  'the one setting of $name that can change the limit of requests is marked as such',
  ({ name, example, settings }) => {
    const marked = settings.filter(({ limit }) => limit === true).map((field) => field.name);
    const numbers = settings.filter(({ type }) => type === 'integer');
    const bucketWith = (change: object) => {
      try {
        const all = { ...example, settings: { ...example.settings, ...change } };
        return open(connection({ ...all, adapter: name })).bucket;
      } catch {
        // The number is out of the bounds of this setting.
        return undefined;
      }
    };
    const changing = numbers.filter((field) => {
      const buckets = [7, 700, 70_000].map((value) => bucketWith({ [field.name]: value }));
      return (
        new Set(buckets.filter((each) => each !== undefined).map((each) => JSON.stringify(each))).size > 1
      );
    });
    expect(marked).toEqual(changing.map((field) => field.name));
  },
);

test('a setting of the service is taken with every adapter, and goes to no dialect', () => {
  expect(open(connection({ settings: { lookup_patients: false } })).settleMs).toBe(60_000);
});

test('settle_ms becomes settleMs', () => {
  expect(open(connection({ settings: { settle_ms: 250 } })).settleMs).toBe(250);
  expect(open(connection()).settleMs).toBe(60_000);
});

test.each([
  [{ adapter: 'fihr' }, "there is no adapter 'fihr'; use one of: fhir-r5"],
  [{ adapter: 'constructor' }, "there is no adapter 'constructor'; use one of: fhir-r5"],
  [{ baseUrl: 'emr.test' }, 'base_url is not a URL'],
  [{ baseUrl: 'ftp://emr.test' }, 'base_url must be http or https'],
  [{ baseUrl: 'https://me:secret@emr.test' }, 'base_url must have no user'],
  [{ baseUrl: 'https://emr.test/fhir?x=1' }, 'base_url must have no user, query'],
  [{ settings: { conditional_create: 'yes' } }, 'settings: conditional_create: expected boolean'],
  [
    { settings: { conditonal_create: true } },
    'settings: conditonal_create is not known to this adapter, so remove or correct it; it takes: conditional_create, search, ',
  ],
  [
    { settings: { timeout_ms: 5 } },
    'settings: timeout_ms: expected integer to be greater or equal to 100 (milliseconds for one whole exchange, answer included)',
  ],
  [
    { settings: { lookup_patients: 'no' } },
    'settings: lookup_patients: expected boolean (true: a payment for an MRN',
  ],
  [{ settings: { payment_identifier_system: 'urn:a|b' } }, 'settings: payment_identifier_system: '],
  [
    { credentials: { token: 'abc' } },
    'credentials: token is not known to this adapter, so remove or correct it; it takes: bearer_token',
  ],
  [{ credentials: { bearer_token: 'a\r\nb: c' } }, 'credentials: bearer_token has characters'],
] as [Partial<EmrConnection>, string][])('%j cannot be used', (overrides, message) => {
  expect(() => open(connection(overrides))).toThrow(message);
});

test('no sentence about credentials holds their value', () => {
  const secret = 'open-sesame\r\n';
  for (const credentials of [{ bearer_token: secret }, { token: secret }]) {
    try {
      open(connection({ credentials }));
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).toMatch(/^credentials: /);
      expect((error as Error).message).not.toContain('sesame');
    }
  }
});

test.each([
  ['fhir-r5', 'fhir-r5'],
  ['fhir', 'fhir-r5'],
  ['open-dental', 'open-dental'],
  ['fax', null],
  ['constructor', null],
  ['', null],
])('the adapter %j is %j', (name, canonical) => {
  expect(canonicalAdapterName(name)).toBe(canonical);
});

test('a connection that an older process wrote, with the former name, opens as well', () => {
  expect(open(connection({ adapter: 'fhir' })).capability).toBe('conditional-create');
});

test('every adapter describes its credentials and settings', () => {
  expect(adapterNames).toEqual([
    'fhir-r5',
    'open-dental',
    'nexhealth',
    'fhir-r4',
    'canvas',
    'athena-ppv',
    'athena-record',
    'drchrono',
    'candid',
  ]);
  const [fhir] = adapterDescriptions;
  expect(fhir?.title).toContain('FHIR R5');
  expect(fhir?.credentials.map(({ name, required }) => [name, required])).toEqual([
    ['bearer_token', false],
    ['token_url', false],
    ['client_id', false],
    ['client_secret', false],
    ['client_auth', false],
    ['private_key_jwk', false],
    ['refresh_token', false],
    ['scope', false],
    ['audience', false],
  ]);
  expect(
    fhir?.settings.map(({ name, type, required, ...rest }) => [name, type, required, rest.default]),
  ).toEqual([
    ['conditional_create', 'boolean', false, true],
    ['search', 'boolean', false, true],
    ['payment_identifier_system', 'string', false, 'urn:emr-payments:payment-id'],
    ['patient_identifier_system', 'string', false, 'urn:emr-payments:mrn'],
    ['login_chooses_practice', 'boolean', false, false],
    ['payment_method_value_set', 'string', false, 'urn:emr-payments:payment-methods'],
    ['settle_ms', 'integer', false, 60_000],
    ['confirm_within_ms', 'integer', false, 86_400_000],
    ['timeout_ms', 'integer', false, 10_000],
    ['sync_hours', 'integer', false, 24],
    ['lookup_patients', 'boolean', false, true],
  ]);
  for (const { settings } of adapterDescriptions)
    expect(settings.filter(({ name }) => name === 'lookup_patients')).toHaveLength(1);
});

test('exactly the adapters whose EMR sends notices have a reader of them', () => {
  for (const { name, notices } of adapterDescriptions)
    expect([name, noticeReader({ adapter: name }) !== null]).toEqual([name, notices === true]);
  expect(adapterDescriptions.filter(({ notices }) => notices).map(({ name }) => name)).toEqual(['nexhealth']);
  expect(noticeReader({ adapter: 'fax' })).toBeNull();
});

test('an adapter stays open until its connection changes', () => {
  let opened = 0;
  const adapters = createAdapters({
    ...localAdapterDeps(),
    credentialsOf: () => {
      opened += 1;
      return {};
    },
    refusal: ({ clientMode }) => (clientMode === 'test' ? 'no sandbox' : null),
  });
  const stored = {
    ...connection(),
    clientMode: 'live' as const,
    credentials: null,
    version: '1',
    guarded: false,
  };
  const first = adapters.of(stored);
  expect(adapters.of(stored)).toBe(first);
  expect(adapters.of({ ...stored, version: '2' })).not.toBe(first);
  expect(opened).toBe(2);
  expect(() => adapters.of({ ...stored, version: '3', clientMode: 'test' })).toThrow('no sandbox');
});
