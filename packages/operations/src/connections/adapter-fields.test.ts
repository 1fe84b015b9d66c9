import type { AdapterDescription } from '@emr-payments/emr';
import { expect, test } from 'vitest';
import { credentialProblem, readAdapterSettings } from './adapter-fields.ts';

const vendor: AdapterDescription = {
  name: 'vendor',
  title: 'A vendor',
  example: { baseUrl: 'https://vendor.example', credentials: {}, settings: {} },
  readme: 'none',
  credentials: [
    { name: 'client_key', type: 'string', required: true, description: 'from the vendor’s portal' },
    { name: 'proxy_token', type: 'string', required: false, description: 'for the gateway' },
  ],
  settings: [
    { name: 'practice_id', type: 'string', required: true, description: 'the vendor’s number' },
    { name: 'page_size', type: 'integer', required: false, default: 50, description: 'entries in a page' },
    { name: 'search', type: 'boolean', required: false, default: true, description: 'true or false' },
  ],
};
const bare: AdapterDescription = { ...vendor, name: 'bare', title: 'Bare', credentials: [], settings: [] };

test('each setting has the type that the adapter declares: digits of a text stay text', () => {
  const texts = { practice_id: '000123', page_size: '20', search: 'false' };
  expect(readAdapterSettings(vendor, texts)).toEqual({
    ok: true,
    settings: { practice_id: '000123', page_size: 20, search: false },
  });
  // Defaults are the adapter's to fill in: what is stored is what was given.
  expect(readAdapterSettings(vendor, { practice_id: 'true' })).toEqual({
    ok: true,
    settings: { practice_id: 'true' },
  });
});

test.each<[string, AdapterDescription, Record<string, string>, string]>([
  [
    'an unknown setting, with the known ones',
    vendor,
    { practice_id: '1', practiceid: '1' },
    "The adapter vendor has no setting 'practiceid'; it takes: practice_id, page_size, search.",
  ],
  [
    'an unknown setting of an adapter without settings',
    bare,
    { x: '1' },
    "The adapter bare has no setting 'x'; it takes none.",
  ],
  [
    'a name that every object has',
    bare,
    { constructor: '1' },
    "The adapter bare has no setting 'constructor'; it takes none.",
  ],
  [
    'a required setting that is missing',
    vendor,
    { search: 'true' },
    "The adapter vendor needs the setting 'practice_id' (the vendor’s number).",
  ],
  [
    'a number that is none',
    vendor,
    { practice_id: '1', page_size: '1.5' },
    "The setting 'page_size' of the adapter vendor must be a whole number.",
  ],
  [
    'a yes',
    vendor,
    { practice_id: '1', search: 'yes' },
    "The setting 'search' of the adapter vendor must be true or false.",
  ],
])('refuses %s', (_what, adapter, texts, reason) => {
  expect(readAdapterSettings(adapter, texts)).toEqual({ ok: false, reason });
});

test('credentials are checked by name, and no value is quoted', () => {
  expect(credentialProblem(vendor, { client_key: 's3cret' })).toBeNull();
  expect(credentialProblem(vendor, { client_key: 's3cret', password: 's3cret' })).toBe(
    "The adapter vendor has no credential 'password'; it takes: client_key, proxy_token.",
  );
  expect(credentialProblem(vendor, { proxy_token: 's3cret' })).toBe(
    "The adapter vendor needs the credential 'client_key' (from the vendor’s portal).",
  );
});
