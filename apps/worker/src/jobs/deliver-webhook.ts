import { payloadFor } from '@emr-payments/contracts';
import type { ClaimedDelivery } from '@emr-payments/db';
import type { LeavePlace, TakenEntry } from '@emr-payments/runtime';
import type { WebhookKey } from '@emr-payments/webhooks';
import { type AttemptEnd, attemptEnd } from '../loops/lane-traffic.ts';
import type { Held } from '../loops/leases.ts';
import { atFarEnd } from './at-far-end.ts';
import type { ClaimedJob, JobDeps } from './deps.ts';
import { type DeliveryEnd, endDelivery } from './end-delivery.ts';
import { isOutage, knownFault } from './own-fault.ts';
import { postponeDelivery } from './postpone-delivery.ts';
import { holdClaim, underClaim } from './under-claim.ts';

const OF_DELIVERY = {
  job: 'delivery',
  describe: ({ event, endpoint, attempts }: ClaimedDelivery) => ({
    'emr_payments.event_id': event.id,
    'emr_payments.event_type': event.type,
    'emr_payments.endpoint_id': endpoint.id,
    'emr_payments.attempt': attempts + 1,
  }),
} as const;

/**
 * Delivers one event to one endpoint: signs it, sends it and records the attempt. A receiver may get an event more than
 * once; it never misses one.
 *
 * @param taken an entry of the queue, or a delivery that came claimed from a settlement.
 */
export async function deliverWebhook(
  deps: JobDeps,
  taken: TakenEntry | ClaimedJob<ClaimedDelivery>,
): Promise<void> {
  const { leavePlace } = taken;
  const work = (delivery: ClaimedDelivery, held: Held) => deliver(deps, { delivery, held, leavePlace });
  if ('claimed' in taken) return holdClaim(deps, { ...OF_DELIVERY, ...taken }, work);
  const claim = (asked: Parameters<JobDeps['steps']['claimDelivery']>[1]) =>
    deps.steps.claimDelivery(deps, asked);
  await underClaim(deps, { ...OF_DELIVERY, entry: taken, claim }, work);
}

async function deliver(
  deps: JobDeps,
  {
    delivery,
    held,
    leavePlace,
  }: { delivery: ClaimedDelivery; held: Held; leavePlace?: LeavePlace | undefined },
): Promise<void> {
  let end: DeliveryEnd;
  try {
    end = await send(deps, { delivery, signal: held.signal, leavePlace });
  } catch (error) {
    if (isOutage(error)) throw error;
    await postponeDelivery(deps, { delivery, held, error, ourFault: 'prevented' });
    return;
  }
  // The claim has passed to another worker, or will when the lease of this one, which stops, has run out: that one sends and records.
  if (held.signal.aborted || isCanceled(end)) return;
  await endDelivery(deps, { delivery, held, end });
}

const isCanceled = (end: DeliveryEnd): boolean => end.outcome === 'failed' && end.kind === 'canceled';

async function send(
  deps: JobDeps,
  {
    delivery,
    signal,
    leavePlace,
  }: { delivery: ClaimedDelivery; signal: AbortSignal; leavePlace?: LeavePlace | undefined },
): Promise<DeliveryEnd> {
  const { event, endpoint } = delivery;
  if (!endpoint.enabled) return { outcome: 'canceled' };
  const startedAt = new Date();
  const { url, apiVersion, thin } = endpoint;
  const secrets = endpoint.secrets.map((secret) => openSecret(deps, secret));
  const body = payloadFor({ apiVersion, thin, body: event.body });
  const request = { url, id: event.id, body, secrets, now: startedAt, signal };
  const ended = deps.traffic.begin(delivery.laneId);
  let seen: AttemptEnd = 'none';
  try {
    const sent = await atFarEnd({ leavePlace }, () => deps.send(request));
    if (sent.outcome === 'failed' && sent.byPolicy) throw otherPolicy(endpoint.id, sent.detail);
    seen = attemptEnd(sent);
    return { ...sent, startedAt };
  } finally {
    ended(seen);
  }
}

/**
 * The fault of a worker that refuses a URL which was accepted when it was registered: nothing about the endpoint has changed since, so
 * it is the operator's to mend, and the endpoint stays as it is.
 */
const otherPolicy = (endpointId: string, detail: string) =>
  knownFault(
    new Error(
      `the URL of the webhook endpoint ${endpointId} was accepted, and this worker does not send to it: ${detail}. Give the worker the WEBHOOK_ALLOW_HOSTS of the API`,
    ),
  );

/** Opens a signing secret. @throws KnownFaultError when its key is missing: signing without it would look like a forgery. */
function openSecret(
  { signingKeys }: Pick<JobDeps, 'signingKeys'>,
  { id, sealed }: { id: string; sealed: string },
): WebhookKey {
  try {
    return signingKeys.open({ row: `webhook_secret:${id}`, sealed });
  } catch (cause) {
    throw knownFault(cause);
  }
}
