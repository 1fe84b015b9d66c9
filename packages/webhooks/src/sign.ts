import { createHmac, type KeyObject, sign } from 'node:crypto';
import { parseWebhookKey, type WebhookKey } from './signing-secrets.ts';

// By hand: the package standardwebhooks signs with HMAC alone, and with one secret. The tests verify our signatures with it.

export type SignedHeaders = {
  'webhook-id': string;
  'webhook-timestamp': string;
  'webhook-signature': string;
};

export type SignInput = {
  /**
   * The event's id; the same for every attempt. It becomes a header, so it must be visible ASCII; and it must not hold a full
   * stop, which separates the signed parts.
   */
  id: string;
  /** The time of this attempt. Sent in whole seconds. */
  timestamp: Date;
  /** The exact bytes of the body. A string is taken as UTF-8. */
  body: string | Buffer;
  /**
   * `whsec_…` or `whsk_…`, or what `parseWebhookKey` made of it. Each makes one signature, so that the old and the new one both
   * verify during a rotation.
   */
  secrets: readonly (string | WebhookKey)[];
};

/** Joins the bytes that a signature covers: `id.timestamp.body`. */
export function signedContent(id: string, seconds: string, body: string | Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${id}.${seconds}.`),
    typeof body === 'string' ? Buffer.from(body) : body,
  ]);
}

/** Computes the HMAC-SHA256 of a `v1` signature, as raw bytes. */
export function hmac(key: KeyObject, content: Buffer): Buffer {
  return createHmac('sha256', key).update(content).digest();
}

const keyOf = (secret: string | WebhookKey): WebhookKey =>
  typeof secret === 'string' ? parseWebhookKey(secret) : secret;

function signature(key: WebhookKey, content: Buffer): string {
  if (key.scheme === 'v1') return `v1,${hmac(key.key, content).toString('base64')}`;
  if (key.privateKey === undefined) throw new TypeError('a public key (whpk_) cannot sign');
  return `v1a,${sign(null, content, key.privateKey).toString('base64')}`;
}

/**
 * Makes the three headers of Standard Webhooks 1.0.0.
 *
 * @throws TypeError for an id that is empty or holds a full stop or anything but visible ASCII, for no secrets, and for a secret
 *   that cannot sign.
 */
export function signHeaders({ id, timestamp, body, secrets }: SignInput): SignedHeaders {
  if (!/^[!-\-/-~]+$/.test(id))
    throw new TypeError('the webhook id must be visible ASCII characters without a full stop');
  if (secrets.length === 0) throw new TypeError('at least one secret is needed to sign');
  const seconds = String(Math.floor(timestamp.getTime() / 1000));
  const content = signedContent(id, seconds, body);
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': secrets.map((secret) => signature(keyOf(secret), content)).join(' '),
  };
}
