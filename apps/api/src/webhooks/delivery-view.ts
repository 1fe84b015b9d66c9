import type { DeliveryView, RecoveryView } from '@emr-payments/contracts';
import type { ListedDelivery, RecoveryRecord } from '@emr-payments/db';

/** Shows a delivery with its attempts in the form of the API. */
export function deliveryView(delivery: ListedDelivery): DeliveryView {
  return {
    id: Number(delivery.id),
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    status: delivery.status,
    created_at: delivery.createdAt.toISOString(),
    finished_at: delivery.finishedAt?.toISOString() ?? null,
    next_attempt_at: delivery.nextAttemptAt?.toISOString() ?? null,
    attempt_count: delivery.attempts,
    attempts: delivery.tries.map((attempt) => ({
      number: attempt.number,
      started_at: attempt.startedAt.toISOString(),
      http_status: attempt.httpStatus,
      duration_ms: attempt.durationMs,
      error_kind: attempt.errorKind,
      excerpt: attempt.excerpt,
    })),
  };
}

/** Shows a recovery with its progress in the form of the API. */
export function recoveryView(recovery: RecoveryRecord): RecoveryView {
  const { total, found, pending, delivered, failed } = recovery;
  return {
    id: recovery.id,
    endpoint_id: recovery.endpointId,
    since: recovery.since.toISOString(),
    until: recovery.until.toISOString(),
    state: recovery.state,
    status: recovery.state,
    total,
    found,
    searched_until: recovery.searchedUntil?.toISOString() ?? null,
    done: found - pending,
    delivered,
    failed,
    more: false,
    created_at: recovery.createdAt.toISOString(),
  };
}
