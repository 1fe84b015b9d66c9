import {
  type AutomaticDisabledCode,
  DISABLED_CODES,
  endpointDisabledEvent,
  newEventId,
  payloadFor,
} from '@emr-payments/contracts';
import {
  type ClaimedDelivery,
  claimDelivery,
  type DeliveryRecord,
  type Disabling,
  recordDelivery,
} from '@emr-payments/db';
import { open, type QueueEntry } from '@emr-payments/runtime';
import { delayBeforeAttempt, type SendOutcome, sendWebhook } from '@emr-payments/webhooks';
import type { JobDeps } from '../deps.ts';
import { persist } from './persist.ts';

/** Tell one endpoint of one event: sign, send, record. A receiver may get an event twice, never not at all. */
export async function deliverWebhook(deps: JobDeps, entry: QueueEntry): Promise<void> {
  const claimedAt = performance.now();
  const { leaseMs } = deps.leases;
  const delivery = await claimDelivery(
    { database: deps.database.grouped },
    {
      jobId: entry.job,
      fence: entry.fence,
      leaseMs,
    },
  );
  if (delivery === null) return;
  const { claim, event, endpoint } = delivery;
  const held = deps.leases.hold(claim, claimedAt);
  try {
    const record = endpoint.enabled ? await send(deps, delivery, held.signal) : canceled(delivery);
    if (held.signal.aborted) return;
    let disabled = false;
    // A failure writes to the endpoint and its lane, which other deliveries share.
    const statements = record.next.status === 'delivered' ? deps.database.grouped : deps.database;
    const written = await persist(held, async () => {
      const recorded = await recordDelivery({ database: statements }, record);
      disabled = recorded.disabled;
      return recorded.written;
    });
    const fields = {
      event_id: event.id,
      endpoint_id: endpoint.id,
      delivery_id: delivery.deliveryId,
      outcome: record.next.status,
      attempt: delivery.attempts + (record.attempt === null ? 0 : 1),
      ...(record.attempt?.httpStatus == null ? {} : { status: record.attempt.httpStatus }),
      ...(record.attempt?.errorKind == null ? {} : { code: record.attempt.errorKind }),
    };
    if (!written) {
      deps.metrics.staleClaim();
      deps.logger.warn(fields, 'a stale claim changed nothing');
      return;
    }
    if (record.attempt !== null) {
      const { errorKind, durationMs } = record.attempt;
      deps.metrics.delivery({ result: errorKind ?? 'delivered', seconds: durationMs / 1000 });
    }
    deps.logger.info(fields, 'delivery');
    if (disabled && record.disabling !== null) {
      const { code, event: told } = record.disabling;
      deps.logger.warn({ endpoint_id: endpoint.id, event_id: told.id, code }, 'endpoint disabled');
    }
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
  const { url, apiVersion, thin } = endpoint;
  const outcome = await sendWebhook(deps.webhooks, {
    url,
    id: event.id,
    body: payloadFor({ apiVersion, thin, body: event.body }),
    secrets,
    now: startedAt,
    signal,
  });
  return recordOf(delivery, outcome, startedAt);
}

function recordOf(delivery: ClaimedDelivery, outcome: SendOutcome, startedAt: Date): DeliveryRecord {
  const { claim, clientPk } = delivery;
  const attempt = {
    startedAt,
    durationMs: outcome.durationMs,
    httpStatus: outcome.httpStatus ?? null,
    errorKind:
      outcome.outcome === 'failed' ? outcome.kind : outcome.outcome === 'gone' ? 'http_status' : null,
    excerpt: outcome.excerpt === '' ? null : outcome.excerpt,
  };
  const head = { claim, clientPk, attempt };
  if (outcome.outcome === 'delivered') return { ...head, next: { status: 'delivered' }, disabling: null };
  const disabling = disablingOf(delivery, outcome, startedAt);
  if (disabling.when === 'now') return { ...head, next: { status: 'failed' }, disabling };
  const retryAfterMs = outcome.outcome === 'failed' ? outcome.retryAfterMs : undefined;
  const delayMs = delayBeforeAttempt({}, { attempt: delivery.tries + 2, retryAfterMs });
  return {
    ...head,
    next: delayMs === null ? { status: 'failed' } : { status: 'pending', delayMs },
    disabling,
  };
}

/** What a failure means for the endpoint: 410 and an address that is not allowed end it now, others after five days. */
function disablingOf(
  { endpoint }: ClaimedDelivery,
  outcome: Exclude<SendOutcome, { outcome: 'delivered' }>,
  created: Date,
): Disabling {
  const disabling = (when: Disabling['when'], code: AutomaticDisabledCode, reason: string): Disabling => {
    const event = endpointDisabledEvent({
      eventId: newEventId(),
      created,
      endpointId: endpoint.id,
      code,
      reason,
    });
    return { when, code, reason, event: { id: event.id, type: event.type, body: JSON.stringify(event) } };
  };
  if (outcome.outcome === 'gone') return disabling('now', 'gone', DISABLED_CODES.gone);
  if (outcome.kind === 'address_refused') {
    return disabling('now', 'address_refused', `${DISABLED_CODES.address_refused} ${outcome.detail}`);
  }
  return disabling('failing_too_long', 'failing', DISABLED_CODES.failing);
}

function canceled({ claim, clientPk }: ClaimedDelivery): DeliveryRecord {
  return { claim, clientPk, attempt: null, next: { status: 'canceled' }, disabling: null };
}
