import { describe, expect, test } from 'vitest';
import { signHeaders } from './sign.ts';
import { newWebhookKeyPair, newWebhookSecret } from './signing-secrets.ts';
import { testHeaders, type VerifyFailure, verify } from './verify.ts';

const secret = newWebhookSecret();
const body = '{"id":"evt_1","type":"payment.created"}';
const now = new Date('2026-06-15T10:30:00Z');
const good = testHeaders({ body, secret, timestamp: now });
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe('a good message', () => {
  test('comes back parsed', () => {
    expect(verify({ body, headers: good, secrets: [secret], now })).toEqual({
      ok: true,
      id: 'evt_test',
      timestamp: now,
      event: { id: 'evt_1', type: 'payment.created' },
    });
  });

  test.each([
    ['a Buffer as the body', { body: Buffer.from(body) }],
    ['fetch Headers', { headers: new Headers(good) }],
    [
      'headers in capitals',
      { headers: Object.fromEntries(Object.entries(good).map(([k, v]) => [k.toUpperCase(), v])) },
    ],
    ['a second secret', { secrets: [newWebhookSecret(), secret] }],
    ['4:59 late', { now: later(299) }],
    ['exactly 5:00 late', { now: later(300) }],
    ['a sender whose clock is 5:00 ahead', { now: later(-300) }],
    ['a wider tolerance', { now: later(3600), toleranceSeconds: 3600 }],
    [
      'signatures of other schemes beside it',
      {
        headers: { ...good, 'webhook-signature': `v9,AAAA v1,AAAA= ${good['webhook-signature']} v1` },
      },
    ],
  ])('is good with %s', (_, change) => {
    expect(verify({ body, headers: good, secrets: [secret], now, ...change })).toMatchObject({ ok: true });
  });

  test('with an asymmetric key is verified by the public key alone', () => {
    const { secretKey, publicKey } = newWebhookKeyPair();
    const headers = signHeaders({ id: 'evt_1', timestamp: now, body, secrets: [secretKey] });
    expect(verify({ body, headers, secrets: [publicKey], now })).toMatchObject({ ok: true, id: 'evt_1' });
    expect(verify({ body, headers, secrets: [newWebhookKeyPair().publicKey], now })).toEqual({
      ok: false,
      reason: 'no_matching_signature',
    });
  });
});

const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));
const signature = good['webhook-signature'];

test.each<[string, VerifyFailure, Partial<Parameters<typeof verify>[0]>]>([
  ['no secret', 'no_secrets', { secrets: [] }],
  ['another secret', 'no_matching_signature', { secrets: [newWebhookSecret()] }],
  ['no id', 'missing_headers', { headers: without('webhook-id') }],
  ['no time', 'missing_headers', { headers: without('webhook-timestamp') }],
  ['no signature', 'missing_headers', { headers: without('webhook-signature') }],
  ['a header given twice', 'missing_headers', { headers: { ...good, 'webhook-id': ['evt_test', 'evt_2'] } }],
  ['one byte more', 'no_matching_signature', { body: `${body} ` }],
  ['another id', 'no_matching_signature', { headers: { ...good, 'webhook-id': 'evt_2' } }],
  [
    'another time',
    'no_matching_signature',
    { headers: { ...good, 'webhook-timestamp': String(+now / 1000 + 1) } },
  ],
  ['a time in words', 'malformed_headers', { headers: { ...good, 'webhook-timestamp': 'now' } }],
  [
    'a fraction in the time',
    'malformed_headers',
    { headers: { ...good, 'webhook-timestamp': '1781519400.5' } },
  ],
  ['a full stop in the id', 'malformed_headers', { headers: { ...good, 'webhook-id': 'evt.1' } }],
  ['5:01 late', 'timestamp_too_old', { now: later(301) }],
  ['5:01 early', 'timestamp_too_new', { now: later(-301) }],
  [
    'half a signature',
    'no_matching_signature',
    { headers: { ...good, 'webhook-signature': signature.slice(0, 20) } },
  ],
  ['an empty signature', 'no_matching_signature', { headers: { ...good, 'webhook-signature': 'v1,' } }],
  [
    'its scheme renamed',
    'no_matching_signature',
    {
      headers: { ...good, 'webhook-signature': signature.replace('v1', 'v1a') },
    },
  ],
  [
    'a good signature behind sixteen others',
    'no_matching_signature',
    {
      headers: { ...good, 'webhook-signature': `${'v1,AAAA '.repeat(16)}${signature}` },
    },
  ],
])('with %s it is refused: %s', (_, reason, change) => {
  expect(verify({ body, headers: good, secrets: [secret], now, ...change })).toEqual({ ok: false, reason });
});

test('bytes cannot be moved from the body into the time', () => {
  const tricky = '456.{"a":1}';
  const headers = testHeaders({ body: tricky, secret, timestamp: new Date(123_000) });
  const moved = { ...headers, 'webhook-id': `${headers['webhook-id']}.123`, 'webhook-timestamp': '456' };
  expect(verify({ body: '{"a":1}', headers: moved, secrets: [secret], now: new Date(456_000) })).toEqual({
    ok: false,
    reason: 'malformed_headers',
  });
});

test('a body that is signed but is not JSON is refused: not_json', () => {
  const headers = testHeaders({ body: 'hello', secret, timestamp: now });
  expect(verify({ body: 'hello', headers, secrets: [secret], now })).toEqual({
    ok: false,
    reason: 'not_json',
  });
});

test('a secret of the receiver that cannot be read throws', () => {
  expect(() => verify({ body, headers: good, secrets: ['whsec_short'], now })).toThrow(TypeError);
});
