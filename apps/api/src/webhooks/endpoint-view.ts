import type { DisabledCode, WebhookEndpoint } from '@emr-payments/contracts';
import type { EndpointRecord } from '@emr-payments/db';

/** Shows an endpoint in the form of the API. */
export function endpointView(record: EndpointRecord): WebhookEndpoint {
  const { disabledAt } = record;
  return {
    id: record.id,
    url: record.url,
    description: record.description,
    event_types: record.eventTypes,
    api_version: record.apiVersion,
    thin: record.thin,
    signing: record.signing,
    rate_per_second: record.ratePerSecond,
    enabled: disabledAt === null,
    disabled_at: disabledAt?.toISOString() ?? null,
    disabled_code: disabledAt === null ? null : ((record.disabledCode ?? 'by_operator') as DisabledCode),
    disabled_reason: disabledAt === null ? null : record.disabledReason,
    failing_since: record.failingSince?.toISOString() ?? null,
    paused_until: record.pausedUntil?.toISOString() ?? null,
    created_at: record.createdAt.toISOString(),
  };
}
