import { type ClaimedDelivery, claimDelivery, type DeliveryRecord, recordDelivery } from '@emr-payments/db';
import { open, type QueueEntry } from '@emr-payments/runtime';
import { delayBeforeAttempt, type SendOutcome, sendWebhook } from '@emr-payments/webhooks';
import type { JobDeps } from '../deps.ts';
import { persist } from './persist.ts';

/** Tell one endpoint of one event: sign, send, record. A receiver may get an event twice, never not at all. */
export async function deliverWebhook(deps: JobDeps, entry: QueueEntry): Promise<void> {
  const claimedAt = performance.now();
  const { leaseMs } = deps.leases;
  const delivery = await claimDelivery(deps.database, { jobId: entry.job, fence: entry.fence, leaseMs });
  if (delivery === null) return;
  const { claim, event, endpoint } = delivery;
  const held = deps.leases.hold(claim, claimedAt);
  try {
    const record = endpoint.enabled ? await send(deps, delivery, held.signal) : canceled(delivery);
    if (held.signal.aborted) return;
    const written = await persist(held, () => recordDelivery(deps.database, record));
    const fields = {
      event_id: event.id,
      endpoint_id: endpoint.id,
      delivery_id: delivery.deliveryId,
      outcome: record.next.status,
      attempt: delivery.attempts + (record.attempt === null ? 0 : 1),
      ...(record.attempt?.httpStatus == null ? {} : { status: record.attempt.httpStatus }),
      ...(record.attempt?.errorKind == null ? {} : { code: record.attempt.errorKind }),
    };
    if (written) deps.logger.info(fields, 'delivery');
    else deps.logger.warn(fields, 'a stale claim changed nothing');
  } finally {
    held.release();
    deps.onDone();
  }
}

async function send(deps: JobDeps, delivery: ClaimedDelivery, signal: AbortSignal): Promise<DeliveryRecord> {
  const { event, endpoint } = delivery;
  const startedAt = new Date();
  const secrets = endpoint.secrets.map(({ id, sealed }) =>
    open(deps.keyring, `webhook_secret:${id}`, sealed),
  );
  const { url } = endpoint;
  const outcome = await sendWebhook(deps.webhooks, {
    url,
    id: event.id,
    body: event.body,
    secrets,
    now: startedAt,
    signal,
  });
  return recordOf(delivery, outcome, startedAt);
}

function recordOf(delivery: ClaimedDelivery, outcome: SendOutcome, startedAt: Date): DeliveryRecord {
  const { claim, laneId } = delivery;
  const attempt = {
    startedAt,
    durationMs: outcome.durationMs,
    httpStatus: outcome.httpStatus ?? null,
    errorKind:
      outcome.outcome === 'failed' ? outcome.kind : outcome.outcome === 'gone' ? 'http_status' : null,
    excerpt: outcome.excerpt === '' ? null : outcome.excerpt,
  };
  const head = { claim, laneId, attempt, disableEndpoint: null };
  if (outcome.outcome === 'delivered') return { ...head, next: { status: 'delivered' } };
  if (outcome.outcome === 'gone') {
    return { ...head, next: { status: 'failed' }, disableEndpoint: 'The endpoint answered 410 Gone.' };
  }
  if (outcome.kind === 'address_refused') {
    return {
      ...head,
      next: { status: 'failed' },
      disableEndpoint: `The address is not allowed: ${outcome.detail}`,
    };
  }
  const { retryAfterMs } = outcome;
  const delayMs = delayBeforeAttempt({}, { attempt: delivery.attempts + 2, retryAfterMs });
  return { ...head, next: delayMs === null ? { status: 'failed' } : { status: 'pending', delayMs } };
}

function canceled({ claim, laneId }: ClaimedDelivery): DeliveryRecord {
  return { claim, laneId, attempt: null, next: { status: 'canceled' }, disableEndpoint: null };
}
