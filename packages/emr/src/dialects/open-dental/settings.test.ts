import { expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { openDental } from './adapter.ts';
import { readPatientId } from './patient-id.ts';

const REMOTE = 'https://api.opendental.com/api/v1';
const open = (change: Partial<EmrConnection> = {}) =>
  openDental.open(
    {
      userId: 1,
      adapter: 'open-dental',
      baseUrl: REMOTE,
      credentials: { developer_key: 'dev', customer_key: 'cust' },
      settings: {},
      timeZone: 'UTC',
      ...change,
    },
    localAdapterDeps(),
  );
const keys = (developer_key: string, customer_key: string) => ({
  credentials: { developer_key, customer_key },
});

test('one request a second, for the pair of keys, whose secret is not in the name', () => {
  const { bucket } = open();
  expect(bucket).toEqual({
    scope: 'api_key',
    key: expect.stringMatching(/^open-dental [0-9a-f]{64}$/),
    windows: [{ calls: 1, perMs: 1000 }],
  });
  expect(open({ userId: 2, timeZone: 'America/New_York' }).bucket?.key).toBe(bucket?.key);
  expect(open({ baseUrl: 'https://office.example:8443/api/v1' }).bucket?.key).toBe(
    `${bucket?.key} office.example:8443`,
  );
  expect(open(keys('dev', 'other')).bucket?.key).not.toBe(bucket?.key);
  expect(open(keys('other', 'cust')).bucket?.key).not.toBe(bucket?.key);
});

test.each([
  [REMOTE, { calls_per_minute: 12 }, [{ calls: 12, perMs: 60_000 }]],
  [REMOTE, { calls_per_minute: 600 }, [{ calls: 1, perMs: 100 }]],
  [REMOTE, { calls_per_minute: 0 }, undefined],
  ['http://localhost:30222/api/v1', {}, undefined],
  ['http://localhost:30223/api/v1', {}, undefined],
  ['http://localhost:30222/api/v1', { calls_per_minute: 60 }, [{ calls: 1, perMs: 1000 }]],
  ['http://localhost:30224/api/v1', {}, [{ calls: 1, perMs: 1000 }]],
])('%s with %j has the windows %j', (baseUrl, settings, windows) => {
  const { bucket, describe } = open({ baseUrl, settings });
  expect(bucket?.windows).toEqual(windows);
  expect(describe().limits).toHaveLength(windows === undefined ? 0 : 1);
});

test('the place is the office, which the customer key chooses; no secret is in it', () => {
  const { place } = open();
  expect(place).toMatch(/^open-dental https:\/\/api\.opendental\.com\/api\/v1 [0-9a-f]{64}$/);
  expect(open({ baseUrl: `${REMOTE}/`, ...keys('other', 'cust') }).place).toBe(place);
  expect(open(keys('dev', 'other')).place).not.toBe(place);
  expect(open({ baseUrl: 'http://localhost:30222/api/v1' }).place).not.toBe(place);
});

test('without limits of its own a connection has the defaults', () => {
  expect(open()).toMatchObject({ capability: 'lookup', settleMs: 120_000, confirmWithinMs: 86_400_000 });
  expect(open({ settings: { settle_ms: 250, mrn_field: 'ChartNumber' } }).settleMs).toBe(250);
});

test.each([
  [{ settings: { mrn_field: 'SSN' } }, 'settings: mrn_field: '],
  [{ settings: { calls_per_minute: -1 } }, 'settings: calls_per_minute: '],
  [{ settings: { search: true } }, 'settings: search is not known to this adapter'],
  [{ credentials: { developer_key: 'dev' } }, 'credentials: customer_key is missing'],
  [keys('dev/x', 'cust'), 'credentials: developer_key has characters'],
  [keys('dev', 'cust\r\nx: y'), 'credentials: customer_key has characters'],
  [{ baseUrl: 'api.opendental.com' }, 'base_url is not a URL'],
])('%j cannot be used', (change, message) => {
  expect(() => open(change as Partial<EmrConnection>)).toThrow(message);
});

test.each(['1', '1337', '9223372036854775807'])('%s is a PatNum', (text) => {
  expect(readPatientId(text, { baseUrl: REMOTE })).toEqual({ ok: true, id: text });
});

test.each(['0', '007', '-1', '1.0', '1e3', '9223372036854775808', 'A12', '12 34', 'PatNum 12', '１２'])(
  '%s is none',
  (text) => {
    expect(readPatientId(text, { baseUrl: REMOTE })).toEqual({
      ok: false,
      problem: 'is not a PatNum: a whole number without leading zeros',
    });
  },
);
