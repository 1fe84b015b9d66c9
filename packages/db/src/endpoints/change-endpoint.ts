import { DISABLED_CODES } from '@emr-payments/contracts';
import { type Actor, type AuditDetail, clip } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { cancelWaiting } from './cancel-waiting.ts';
import type { EndpointRecord } from './endpoint-record.ts';

/** Fields that are left out keep their value. */
export type EndpointChanges = {
  /** Already checked by the guard of packages/webhooks. A new URL starts without the failures of the old one. */
  url?: string | undefined;
  description?: string | null | undefined;
  eventTypes?: readonly string[] | undefined;
  thin?: boolean | undefined;
  ratePerSecond?: number | null | undefined;
  enabled?: boolean | undefined;
};

const CHANGE = named({
  name: 'change-endpoint',
  values: [
    'id',
    'url',
    'hasDescription',
    'description',
    'eventTypes',
    'thin',
    'hasRate',
    'ratePerSecond',
    'hasNewUrl',
  ],
  text: `
    WITH endpoint AS (
      UPDATE webhook_endpoints
         SET url = coalesce(:url, url), description = CASE WHEN :hasDescription THEN :description ELSE description END,
             event_types = coalesce(:eventTypes, event_types), thin = coalesce(:thin, thin),
             failing_since = CASE WHEN :url <> url THEN NULL ELSE failing_since END
       WHERE id = :id
      RETURNING lane_id
    )
    UPDATE lanes
       SET rate_per_second = CASE WHEN :hasRate THEN :ratePerSecond ELSE rate_per_second END,
           next_slot = CASE WHEN :hasRate THEN NULL ELSE next_slot END,
           failures = CASE WHEN :hasNewUrl THEN 0 ELSE failures END,
           open_until = CASE WHEN :hasNewUrl THEN NULL ELSE open_until END
      FROM endpoint WHERE lanes.id = endpoint.lane_id`,
});
const DISABLE = {
  name: 'disable-endpoint-by-client',
  text: `UPDATE webhook_endpoints SET disabled_at = now(), disabled_code = 'by_client', disabled_reason = $2
          WHERE id = $1 AND disabled_at IS NULL`,
};
const ENABLE = {
  name: 'enable-endpoint-by-client',
  text: `
    WITH endpoint AS (
      UPDATE webhook_endpoints SET disabled_at = NULL, disabled_code = NULL, disabled_reason = NULL, failing_since = NULL
       WHERE id = $1 RETURNING lane_id
    )
    UPDATE lanes SET failures = 0, open_until = NULL FROM endpoint WHERE lanes.id = endpoint.lane_id`,
};

/** Changes an endpoint and writes the changes into the audit log. */
export async function changeEndpoint(
  tx: StatementDeps,
  { endpoint, changes, by }: { endpoint: EndpointRecord; changes: EndpointChanges; by: Actor },
): Promise<void> {
  const { url, description, eventTypes, thin, ratePerSecond, enabled } = changes;
  const values = CHANGE.values({
    id: endpoint.id,
    url: url ?? null,
    hasDescription: description !== undefined,
    description: description ?? null,
    eventTypes: eventTypes ?? null,
    thin: thin ?? null,
    hasRate: ratePerSecond !== undefined,
    ratePerSecond: ratePerSecond ?? null,
    hasNewUrl: url !== undefined && url !== endpoint.url,
  });
  await query(tx, CHANGE, values);
  if (enabled === false && endpoint.disabledAt === null) {
    await query(tx, DISABLE, [endpoint.id, DISABLED_CODES.by_client]);
    await cancelWaiting(tx, endpoint);
  }
  if (enabled === true && endpoint.disabledAt !== null) await query(tx, ENABLE, [endpoint.id]);
  await audit(tx, { endpoint, by, action: 'endpoint.change', detail: detailOf(changes) });
}

/**
 * Gives an endpoint another URL and a fresh start: it is enabled and its circuit closed. For the demo, whose addresses change
 * with each start; nothing is recorded in the audit log.
 */
export async function moveEndpoint(
  { database }: { database: Pick<Database, 'prisma'> },
  { endpointId, url }: { endpointId: string; url: string },
): Promise<void> {
  await database.prisma.webhookEndpoint.update({
    where: { id: endpointId },
    data: {
      url,
      disabledAt: null,
      disabledCode: null,
      disabledReason: null,
      failingSince: null,
      lane: { update: { failures: 0, openUntil: null } },
    },
  });
}

const DELETE = {
  name: 'delete-endpoint',
  text: `
    WITH no_secrets AS (DELETE FROM webhook_secrets WHERE endpoint_id = $1)
    UPDATE webhook_endpoints SET deleted_at = now() WHERE id = $1`,
};

/** Deletes an endpoint: removes its secrets and cancels what waits for it. Its client can no longer read its deliveries. */
export async function deleteEndpoint(
  tx: StatementDeps,
  { endpoint, by }: { endpoint: EndpointRecord; by: Actor },
): Promise<void> {
  await query(tx, DELETE, [endpoint.id]);
  await cancelWaiting(tx, endpoint);
  await audit(tx, { endpoint, by, action: 'endpoint.delete', detail: {} });
}

function detailOf({
  url,
  description,
  eventTypes,
  thin,
  ratePerSecond,
  enabled,
}: EndpointChanges): AuditDetail {
  return {
    ...(url === undefined ? {} : { host: clip(URL.parse(url)?.host ?? '') }),
    ...(description === undefined ? {} : { description: 'changed' }),
    ...(eventTypes === undefined ? {} : { event_types: eventTypes.join(' ') }),
    ...(thin === undefined ? {} : { thin }),
    ...(ratePerSecond === undefined ? {} : { rate_per_second: ratePerSecond }),
    ...(enabled === undefined ? {} : { enabled }),
  };
}

async function audit(
  tx: StatementDeps,
  input: { endpoint: EndpointRecord; by: Actor; action: string; detail: AuditDetail },
): Promise<void> {
  const { endpoint, by, action, detail } = input;
  const subject = `endpoint:${endpoint.id}` as const;
  await recordAudit(tx, { ...by, action, subject, outcome: 'done', detail });
}
