import { expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { openRecordingGrant } from '../../testing/recorded-grant.fixture.ts';
import { canvas } from './adapter.ts';

const SECRET = 'S3cret-4711';

const open = (change: Partial<EmrConnection> = {}) =>
  openRecordingGrant(canvas, {
    baseUrl: 'https://fumage-example.canvasmedical.com',
    credentials: { client_id: 'client-1', client_secret: SECRET },
    ...change,
  });

test.each([
  ['https://fumage-example.canvasmedical.com', 'https://example.canvasmedical.com/auth/token/'],
  [
    'https://fumage-example-preview.canvasmedical.com/',
    'https://example-preview.canvasmedical.com/auth/token/',
  ],
  ['http://127.0.0.1:4010/canvas', 'http://127.0.0.1:4010/canvas/auth/token/'],
  [
    'https://fumage-example.canvasmedical.com.evil.test',
    'https://fumage-example.canvasmedical.com.evil.test/auth/token/',
  ],
])('tokens of %s come from %s', (baseUrl, tokenUrl) => {
  expect(open({ baseUrl }).grant).toMatchObject({
    kind: 'client_credentials',
    tokenUrl,
    clientId: 'client-1',
    clientSecret: SECRET,
    clientAuth: 'post',
  });
});

test('the token endpoint and the scope are settings', () => {
  const settings = { token_url: 'https://tokens.test/t', scope: 'system/PaymentNotice.c' };
  expect(open({ settings }).grant).toMatchObject({
    tokenUrl: 'https://tokens.test/t',
    scope: 'system/PaymentNotice.c',
  });
});

test.each([
  [{ settings: { token_url: 'http://tokens.test' } }, 'settings: token_url must be https'],
  [{ settings: { token_url: 'x' } }, 'settings: token_url is not a URL'],
  [{ settings: { settle_ms: 5 } }, 'settings: settle_ms is not known to this adapter'],
  [{ credentials: { client_secret: SECRET } }, 'credentials: client_id is missing'],
] as [Partial<EmrConnection>, string][])('%j cannot be used', (change, message) => {
  let said = '';
  try {
    open(change);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toContain(message);
  expect(said).not.toContain(SECRET);
});

test('Canvas names no limit; a connection can have one', () => {
  expect(open().adapter.bucket).toBeNull();
  expect(open({ settings: { calls_per_minute: 30 } }).adapter.bucket).toMatchObject({
    scope: 'connection',
    windows: [{ calls: 30, perMs: 60_000 }],
  });
});

test('nothing is ever looked up', () => {
  const { adapter } = open();
  expect([adapter.capability, adapter.find]).toEqual(['none', undefined]);
  expect(adapter.place).toBe('canvas https://fumage-example.canvasmedical.com');
});

test.each([
  ['bc4ec998a49745b488f552bebddf7261', 'bc4ec998a49745b488f552bebddf7261'],
  ['Patient/pat-1001', 'pat-1001'],
  ['Person/pat-1001', null],
  ['Patient/a/b', null],
  ['https://x.test/Patient/1', null],
  ['a b', null],
])('the patient id %s is read as %s', (text, id) => {
  const read = canvas.readPatientId(text, { baseUrl: 'https://x.test' });
  expect(read.ok ? read.id : null).toBe(id);
});
