import { newWebhookKeyPair, newWebhookSecret } from '@emr-payments/webhooks';

/** A new secret, and what of it the client is shown: all of it with v1, the public half with v1a. */
export function newSigningSecret(signing: 'v1' | 'v1a'): {
  secret: string;
  shown: { secret: string } | { public_key: string };
} {
  if (signing === 'v1') {
    const secret = newWebhookSecret();
    return { secret, shown: { secret } };
  }
  const { secretKey, publicKey } = newWebhookKeyPair();
  return { secret: secretKey, shown: { public_key: publicKey } };
}
