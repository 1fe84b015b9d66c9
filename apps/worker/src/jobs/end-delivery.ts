import {
  type AutomaticDisabledCode,
  DISABLED_CODES,
  endpointDisabledEvent,
  newEventId,
} from '@emr-payments/contracts';
import type { ClaimedDelivery, DeliveryRecord, Disabling } from '@emr-payments/db';
import { activeSpan } from '@emr-payments/runtime';
import { delayBeforeAttempt, type SendOutcome } from '@emr-payments/webhooks';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { isOutage, MOST_RECORD_FAILURES, reportOwnFault } from './own-fault.ts';
import { postponeDelivery } from './postpone-delivery.ts';
import { persist } from './under-claim.ts';

/** The end of a claim on a delivery: an attempt was made, or the endpoint no longer takes events and nothing was sent. */
export type DeliveryEnd = Attempted | { outcome: 'canceled' };

type Attempted = SendOutcome & { startedAt: Date };

const idsOf = ({ event, endpoint, deliveryId }: ClaimedDelivery) => ({
  event_id: event.id,
  endpoint_id: endpoint.id,
  delivery_id: deliveryId,
});

/** Records the end of a claim: the attempt, what becomes of the delivery, and what a failure does to the endpoint. */
export async function endDelivery(
  deps: JobDeps,
  { delivery, held, end }: { delivery: ClaimedDelivery; held: Held; end: DeliveryEnd },
): Promise<void> {
  const { endpoint } = delivery;
  const record = recordOf(delivery, end);
  const ids = idsOf(delivery);
  let recorded: { written: boolean; disabled: boolean };
  try {
    recorded = await persist(deps, { held, of: ids }, () => deps.steps.recordDelivery(deps, record));
  } catch (error) {
    if (isOutage(error)) throw error;
    await recordWithout(deps, { delivery, held, record, error });
    return;
  }
  const { written, disabled } = recorded;
  activeSpan()?.set({ 'emr_payments.outcome': written ? record.next.status : 'stale_claim' });

  const fields = {
    ...ids,
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
    const { code, event: published } = record.disabling;
    deps.logger.warn({ endpoint_id: endpoint.id, event_id: published.id, code }, 'endpoint disabled');
  }
}

/**
 * Handles an end that the database refuses to record. It is recorded without the receiver's words, which may be what is
 * refused. Failing that the delivery waits, to be sent again; after `MOST_RECORD_FAILURES` in a row it has failed, so that a
 * person sees it.
 */
async function recordWithout(
  deps: JobDeps,
  input: { delivery: ClaimedDelivery; held: Held; record: DeliveryRecord; error: unknown },
): Promise<void> {
  const { delivery, held, record, error } = input;
  const given = delivery.recordFailures + 1 >= MOST_RECORD_FAILURES;
  const plain: DeliveryRecord = given
    ? { ...record, attempt: null, next: { status: 'failed' }, disabling: null }
    : { ...record, attempt: record.attempt && { ...record.attempt, excerpt: null } };
  try {
    await persist(deps, { held, of: idsOf(delivery) }, () => deps.steps.recordDelivery(deps, plain));
  } catch (again) {
    if (isOutage(again)) throw again;
    await postponeDelivery(deps, { delivery, held, error: again, ourFault: 'not_recorded' });
    return;
  }
  reportOwnFault(deps, {
    error,
    job: 'delivery',
    fields: { delivery_id: delivery.deliveryId, job_id: delivery.claim.jobId, outcome: plain.next.status },
  });
}

function recordOf(delivery: ClaimedDelivery, end: DeliveryEnd): DeliveryRecord {
  const { claim, clientPk } = delivery;
  if (end.outcome === 'canceled') {
    return { claim, clientPk, attempt: null, next: { status: 'canceled' }, disabling: null };
  }
  const attempt = {
    startedAt: end.startedAt,
    durationMs: end.durationMs,
    httpStatus: end.httpStatus ?? null,
    errorKind: end.outcome === 'failed' ? end.kind : end.outcome === 'gone' ? 'http_status' : null,
    excerpt: end.excerpt === '' ? null : end.excerpt,
  };
  const head = { claim, clientPk, attempt };
  if (end.outcome === 'delivered') return { ...head, next: { status: 'delivered' }, disabling: null };
  const disabling = disablingOf(delivery, end);
  if (disabling.when === 'now') return { ...head, next: { status: 'failed' }, disabling };
  const retryAfterMs = end.outcome === 'failed' ? end.retryAfterMs : undefined;
  const delayMs = delayBeforeAttempt({}, { attempt: delivery.tries + 2, retryAfterMs });
  return {
    ...head,
    next: delayMs === null ? { status: 'failed' } : { status: 'pending', delayMs },
    disabling,
  };
}

/** A 410 or an address that is not allowed disables the endpoint now; any other failure does after five days of failures. */
function disablingOf(
  { endpoint }: ClaimedDelivery,
  end: Exclude<Attempted, { outcome: 'delivered' }>,
): Disabling {
  const disabling = (when: Disabling['when'], code: AutomaticDisabledCode, reason: string): Disabling => {
    const event = endpointDisabledEvent({
      eventId: newEventId(),
      created: end.startedAt,
      endpointId: endpoint.id,
      code,
      reason,
    });
    return {
      url: endpoint.url,
      when,
      code,
      reason,
      event: { id: event.id, type: event.type, body: JSON.stringify(event) },
    };
  };
  if (end.outcome === 'gone') return disabling('now', 'gone', DISABLED_CODES.gone);
  if (end.kind === 'address_refused') {
    return disabling('now', 'address_refused', `${DISABLED_CODES.address_refused} ${end.detail}`);
  }
  return disabling('failing_too_long', 'failing', DISABLED_CODES.failing);
}
