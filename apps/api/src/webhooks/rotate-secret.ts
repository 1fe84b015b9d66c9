import { DEFAULT_OVERLAP_SECONDS } from '@emr-payments/contracts';
import { type Actor, findEndpoint, rotateSecret as rotate, type StatementDeps } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { WriteResult } from '../idempotency/answer-once.ts';
import { newSigningSecret } from './signing-secret.ts';

type RotateInput = { clientPk: number; endpointId: string; overlapSeconds: number | undefined; by: Actor };

/** Gives an endpoint a new secret; the old one signs beside it for the overlap. */
export async function rotateSecret(
  deps: StatementDeps & { keyring: Keyring },
  { clientPk, endpointId, overlapSeconds = DEFAULT_OVERLAP_SECONDS, by }: RotateInput,
): Promise<WriteResult> {
  const endpoint = await findEndpoint(deps, { clientPk, endpointId });
  if (endpoint === null) return { outcome: 'refused', code: 'endpoint_not_found' };
  const { secret, shown } = newSigningSecret(endpoint.signing);
  const until = await rotate(deps, { endpointId, secret, overlapSeconds, by });
  const data = { id: endpointId, ...shown, old_valid_until: until.toISOString() };
  return { outcome: 'answered', body: { success: true, message: 'The new secret signs from now on.', data } };
}
