import type { CreateWebhookEndpointBody } from '@emr-payments/contracts';
import { type Actor, findEndpoint, registerEndpointIn, type Transaction } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { WriteResult } from '../idempotency/answer-once.ts';
import { endpointView } from './endpoint-view.ts';
import { newSigningSecret } from './signing-secret.ts';

/** Registers an endpoint. Only this answer contains its secret, or with v1a its public key. */
export async function createEndpoint(
  deps: Transaction & { keyring: Keyring },
  { clientPk, body, by }: { clientPk: number; body: CreateWebhookEndpointBody; by: Actor },
): Promise<WriteResult> {
  const signing = body.signing ?? 'v1';
  const { secret, shown } = newSigningSecret(signing);
  const registered = await registerEndpointIn(deps, {
    clientPk,
    url: body.url,
    secret,
    signing,
    description: body.description ?? null,
    eventTypes: body.event_types ?? [],
    thin: body.thin ?? false,
    ratePerSecond: body.rate_per_second ?? null,
    by,
  });
  if (registered.outcome === 'limit_reached') return { outcome: 'refused', code: 'endpoint_limit_reached' };
  const { endpointId } = registered;
  if (registered.outcome === 'exists')
    return { outcome: 'refused', code: 'endpoint_exists', details: { endpoint: endpointId } };
  const endpoint = await findEndpoint(deps, { clientPk, endpointId });
  if (endpoint === null) throw new Error('the new endpoint cannot be read');
  const data = { ...endpointView(endpoint), ...shown };
  return { outcome: 'answered', body: { success: true, message: 'Webhook endpoint registered.', data } };
}
