import type { UpdateWebhookEndpointBody } from '@emr-payments/contracts';
import { type Actor, changeEndpoint, countMissed, findEndpoint, type Transaction } from '@emr-payments/db';
import type { WriteResult } from '../idempotency/answer-once.ts';
import { endpointView } from './endpoint-view.ts';

type UpdateInput = { clientPk: number; endpointId: string; body: UpdateWebhookEndpointBody; by: Actor };

/** Changes an endpoint. When that enables it again, the answer says how many events it missed and since when to recover them. */
export async function updateEndpoint(
  tx: Transaction,
  { clientPk, endpointId, body, by }: UpdateInput,
): Promise<WriteResult> {
  const changed = await changeEndpoint(tx, {
    key: { clientPk, endpointId },
    changes: {
      url: body.url,
      description: body.description,
      eventTypes: body.event_types,
      thin: body.thin,
      ratePerSecond: body.rate_per_second,
      enabled: body.enabled,
    },
    by,
  });
  if (changed.outcome === 'not_found') return { outcome: 'refused', code: 'endpoint_not_found' };
  if (changed.outcome === 'exists')
    return { outcome: 'refused', code: 'endpoint_exists', details: { endpoint: changed.endpointId } };
  const { before } = changed;
  const after = await findEndpoint(tx, { clientPk, endpointId });
  if (after === null) throw new Error('the changed endpoint cannot be read');

  let recoverable: { since: string; count: number } | null = null;
  if (before.disabledAt !== null && after.disabledAt === null) {
    // An endpoint that failures disabled missed its first events when they began, before it was disabled.
    const failingSince = before.failingSince ?? before.disabledAt;
    const { since, count, isPart } = await countMissed(tx, { endpointId, failingSince });
    if (count > 0 || isPart) recoverable = { since: since.toISOString(), count };
  }
  const data = { ...endpointView(after), recoverable };
  return { outcome: 'answered', body: { success: true, message: 'Webhook endpoint changed.', data } };
}
