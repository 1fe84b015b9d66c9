import { DEFAULT_OVERLAP_SECONDS } from '@emr-payments/contracts';
import { type Actor, findEndpointToChange, rotateSigningSecret, type Transaction } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import { newWebhookKeyPair, newWebhookSecret } from '@emr-payments/webhooks';
import type { WriteResult } from '../idempotency/answer-once.ts';

/** Makes a secret, with the part of it that the client is shown: all of it with v1, the public half with v1a. */
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

type RenewInput = { clientPk: number; endpointId: string; overlapSeconds: number | undefined; by: Actor };

/** Gives an endpoint a new secret. Until the overlap ends, webhooks carry a signature by the old one as well. */
export async function renewSigningSecret(
  deps: Transaction & { keyring: Keyring },
  { clientPk, endpointId, overlapSeconds = DEFAULT_OVERLAP_SECONDS, by }: RenewInput,
): Promise<WriteResult> {
  const endpoint = await findEndpointToChange(deps, { clientPk, endpointId });
  if (endpoint === null) return { outcome: 'refused', code: 'endpoint_not_found' };
  const { secret, shown } = newSigningSecret(endpoint.signing);
  const until = await rotateSigningSecret(deps, { endpointId, secret, overlapSeconds, by });
  const data = { id: endpointId, ...shown, old_valid_until: until.toISOString() };
  return { outcome: 'answered', body: { success: true, message: 'The new secret signs from now on.', data } };
}
