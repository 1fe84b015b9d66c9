import { payloadFor } from '@emr-payments/contracts';
import type { ClaimedDelivery } from '@emr-payments/db';
import { open, type QueueEntry } from '@emr-payments/runtime';
import { sendWebhook } from '@emr-payments/webhooks';
import type { JobDeps } from './deps.ts';
import { type DeliveryEnd, endDelivery } from './end-delivery.ts';
import { underClaim } from './under-claim.ts';

/**
 * Delivers one event to one endpoint: signs it, sends it and records the attempt. A receiver may get an event more than
 * once; it never misses one.
 */
export async function deliverWebhook(deps: JobDeps, entry: QueueEntry): Promise<void> {
  await underClaim(
    deps,
    { entry, claim: (asked) => deps.steps.claimDelivery({ database: deps.database.grouped }, asked) },
    async (delivery, held) => {
      const end = await send(deps, { delivery, signal: held.signal });
      // The claim has passed to another worker, which sends and records in our place.
      if (!held.signal.aborted) await endDelivery(deps, { delivery, held, end });
    },
  );
}

async function send(
  deps: JobDeps,
  { delivery, signal }: { delivery: ClaimedDelivery; signal: AbortSignal },
): Promise<DeliveryEnd> {
  const { event, endpoint } = delivery;
  if (!endpoint.enabled) return { outcome: 'canceled' };
  const startedAt = new Date();
  const { url, apiVersion, thin } = endpoint;
  const secrets = endpoint.secrets.map(({ id, sealed }) =>
    open(deps.keyring, `webhook_secret:${id}`, sealed),
  );
  const body = payloadFor({ apiVersion, thin, body: event.body });
  const request = { url, id: event.id, body, secrets, now: startedAt, signal };
  const sent = await sendWebhook(deps.webhooks, request);
  return { ...sent, startedAt };
}
