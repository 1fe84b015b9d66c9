import { timingSafeEqual, verify as verifyEd25519 } from 'node:crypto';
import { hmac, type SignedHeaders, signedContent, signHeaders } from './sign.ts';
import { parseWebhookKey, type WebhookKey } from './signing-secrets.ts';

export type VerifyInput = {
  /** The exact bytes of the body as they arrived, before any JSON parser. */
  body: string | Buffer;
  /** Node's `request.headers`, a `Headers`, or a plain record; the case of the names does not matter. */
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…` or `whpk_…`. One of them must match. */
  secrets: readonly string[];
  /** How far `webhook-timestamp` may be from `now`, in either direction; 300 by default. */
  toleranceSeconds?: number;
  now?: Date;
};

export type VerifyFailure =
  | 'no_secrets'
  | 'missing_headers'
  | 'malformed_headers'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'no_matching_signature'
  | 'not_json';

export type VerifyResult =
  /** `event` is the parsed body. `id` is the same when an event arrives again. */
  { ok: true; id: string; timestamp: Date; event: unknown } | { ok: false; reason: VerifyFailure };

// An honest sender makes two signatures at most. Without a bound, a header full of signatures would cost us CPU time.
const MOST_SIGNATURES = 16;

function headerReader(headers: VerifyInput['headers']): (name: string) => string | undefined {
  if (headers instanceof Headers) return (name) => headers.get(name) ?? undefined;
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return (name) => {
    const value = byName.get(name);
    return typeof value === 'string' ? value : undefined;
  };
}

function fits(key: WebhookKey, content: Buffer, signature: string): boolean {
  const [scheme, encoded = ''] = signature.split(',', 2);
  if (scheme !== key.scheme) return false;
  const given = Buffer.from(encoded, 'base64');
  if (key.scheme === 'v1a') return given.length === 64 && verifyEd25519(null, content, key.publicKey, given);
  const expected = hmac(key.key, content);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * Verifies that a webhook comes from the holder of a secret and is fresh (Standard Webhooks 1.0.0). Signatures are compared
 * in constant time, and every secret is tried on every signature even after one has matched.
 *
 * @throws TypeError when one of `secrets` is not a webhook secret: that is the receiver's error, not the message's.
 */
export function verify(input: VerifyInput): VerifyResult {
  const { body, secrets, toleranceSeconds = 300, now = new Date() } = input;
  const keys = secrets.map(parseWebhookKey);
  if (keys.length === 0) return { ok: false, reason: 'no_secrets' };

  const header = headerReader(input.headers);
  const id = header('webhook-id');
  const seconds = header('webhook-timestamp');
  const signatures = header('webhook-signature');
  if (!id || !seconds || !signatures) return { ok: false, reason: 'missing_headers' };
  // A full stop in the id, or anything but digits in the time, could move bytes between the three signed parts.
  if (id.includes('.') || !/^[0-9]{1,12}$/.test(seconds)) return { ok: false, reason: 'malformed_headers' };

  const age = Math.floor(now.getTime() / 1000) - Number(seconds);
  if (age > toleranceSeconds) return { ok: false, reason: 'timestamp_too_old' };
  if (age < -toleranceSeconds) return { ok: false, reason: 'timestamp_too_new' };

  const content = signedContent(id, seconds, body);
  const matches = signatures
    .split(' ')
    .slice(0, MOST_SIGNATURES)
    .flatMap((signature) => keys.map((key) => fits(key, content, signature)));
  if (!matches.includes(true)) return { ok: false, reason: 'no_matching_signature' };

  try {
    const event: unknown = JSON.parse(body.toString());
    return { ok: true, id, timestamp: new Date(Number(seconds) * 1000), event };
  } catch {
    return { ok: false, reason: 'not_json' };
  }
}

/**
 * Makes the headers that we would send, for a receiver's own tests, which then need no network and no real event.
 *
 * @param input.timestamp now by default; pass an old time to test that your receiver refuses it.
 */
export function testHeaders(input: {
  body: string | Buffer;
  secret: string;
  id?: string;
  timestamp?: Date;
}): SignedHeaders {
  const { body, secret, id = 'evt_test', timestamp = new Date() } = input;
  return signHeaders({ id, timestamp, body, secrets: [secret] });
}
