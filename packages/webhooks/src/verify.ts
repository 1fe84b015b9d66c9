import { timingSafeEqual, verify as verifyEd25519 } from 'node:crypto';
import { hmac, type SignedHeaders, signedContent, signHeaders } from './sign.ts';
import { parseWebhookKey, type WebhookKey } from './signing-secrets.ts';

export type VerifyInput = {
  /** The body exactly as it arrived, before any JSON parser has touched it. */
  body: string | Buffer;
  /** Node's `request.headers`, a `Headers`, or a plain record; the case of the names does not matter. */
  headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…` or `whpk_…`. The message is good when one of them fits. */
  secrets: readonly string[];
  /** How far the sender's clock may be from ours, in either direction. 5 minutes unless told. */
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
  /** `event` is the parsed body. `id` is the key for recognising a duplicate. */
  { ok: true; id: string; timestamp: Date; event: unknown } | { ok: false; reason: VerifyFailure };

// An honest sender signs with two secrets at the most; without a bound a header full of signatures buys CPU time.
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
 * Tells whether a webhook comes from the holder of the secret and is fresh (Standard Webhooks 1.0.0). Signatures are
 * compared in constant time, and every secret is tried on every signature whichever fits.
 *
 * @throws TypeError when one of `secrets` is not a webhook secret: a mistake of the receiver's, not of the message.
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
 * Headers as we would send them, for a receiver's own tests: no network and no waiting for a real event.
 *
 * @param input.timestamp now, unless told; give an old one to test that your receiver refuses it.
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
