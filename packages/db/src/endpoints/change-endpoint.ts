import { DISABLED_CODES } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { recordAudit } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { lockClient } from '../locks/parent-rows.ts';
import { cancelWaiting } from './cancel-waiting.ts';
import { auditDetail, differing, type EndpointChanges } from './endpoint-changes.ts';
import { type EndpointKey, type EndpointRecord, findEndpointToChange } from './endpoint-record.ts';
import { endpointsOfClient, targetOf } from './same-target.ts';

const CHANGE = named({
  name: 'change-endpoint',
  values: ['id', 'url', 'hasDescription', 'description', 'eventTypes', 'thin', 'moved'],
  text: `
    UPDATE webhook_endpoints
       SET url = coalesce(:url, url), description = CASE WHEN :hasDescription THEN :description ELSE description END,
           event_types = coalesce(:eventTypes, event_types), thin = coalesce(:thin, thin),
           failing_since = CASE WHEN :moved THEN NULL ELSE failing_since END
     WHERE id = :id`,
});
const CHANGE_LANE = named({
  name: 'change-endpoint-lane',
  values: ['laneId', 'hasRate', 'ratePerSecond', 'moved'],
  text: `
    UPDATE lanes
       SET rate_per_second = CASE WHEN :hasRate THEN :ratePerSecond ELSE rate_per_second END,
           next_slot = CASE WHEN :hasRate THEN NULL ELSE next_slot END,
           failures = CASE WHEN :moved THEN 0 ELSE failures END,
           open_until = CASE WHEN :moved THEN NULL ELSE open_until END
     WHERE id = :laneId`,
});
/** Most deliveries that a new URL makes due. The rest keep the time of their next attempt. */
const MOST_HASTENED = 10_000;

/** The longest waiting first. Jobs whose rows the relay has locked at this moment are skipped, so that neither waits for the other. */
const BEGIN_AGAIN = {
  name: 'begin-deliveries-again',
  text: `
    WITH due AS (
      UPDATE jobs SET run_at = now(), tries = 0
       WHERE id = ANY (ARRAY(
         SELECT id FROM jobs WHERE lane_id = $1 AND queued_at IS NULL AND tries > 0 ORDER BY run_at LIMIT ${MOST_HASTENED}
            FOR UPDATE SKIP LOCKED))
      RETURNING 1
    )
    SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM due LIMIT 1) AS any_due`,
};
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

export type ChangeEndpointOutcome =
  | { outcome: 'changed'; before: EndpointRecord }
  /** Nothing differed, and nothing was written. */
  | { outcome: 'unchanged'; before: EndpointRecord }
  | { outcome: 'not_found' }
  /** This other enabled endpoint of the client has the URL already. */
  | { outcome: 'exists'; endpointId: string };

/**
 * Changes an endpoint and writes the changes into the audit log. Fields that have the given value already are left alone: without a
 * difference nothing is written at all. Where it gets a URL or is enabled, the client's other endpoints are compared first, under
 * a lock on the client.
 */
export async function changeEndpoint(
  tx: Transaction,
  { key, changes, by }: { key: EndpointKey; changes: EndpointChanges; by: Actor },
): Promise<ChangeEndpointOutcome> {
  const mayMeet = changes.url !== undefined || changes.enabled === true;
  if (mayMeet) await lockClient(tx, key);
  const before = await findEndpointToChange(tx, key);
  if (before === null) return { outcome: 'not_found' };
  const different = differing(before, changes);
  if (Object.keys(different).length === 0) return { outcome: 'unchanged', before };

  const moves = different.url !== undefined && targetOf(different.url) !== targetOf(before.url);
  if (moves || different.enabled === true) {
    const others = await endpointsOfClient(tx, key);
    const same = others.enabledAt(different.url ?? before.url, before.id);
    if (same !== null) return { outcome: 'exists', endpointId: same };
  }
  await write(tx, { before, different, moves });
  const subject = `endpoint:${before.id}` as const;
  await recordAudit(tx, {
    ...by,
    action: 'endpoint.change',
    subject,
    outcome: 'done',
    detail: auditDetail(different),
  });
  return { outcome: 'changed', before };
}

async function write(
  tx: Transaction,
  {
    before,
    different,
    moves,
  }: {
    before: EndpointRecord;
    different: EndpointChanges;
    /** True: a new URL, which starts without the failures of the old one. */
    moves: boolean;
  },
): Promise<void> {
  const { url, description, eventTypes, thin, ratePerSecond, enabled } = different;
  const { id, laneId } = before;
  const hasRate = ratePerSecond !== undefined;
  if ([url, description, eventTypes, thin].some((field) => field !== undefined)) {
    const values = CHANGE.values({
      id,
      url: url ?? null,
      hasDescription: description !== undefined,
      description: description ?? null,
      eventTypes: eventTypes ?? null,
      thin: thin ?? null,
      moved: moves,
    });
    await query(tx, CHANGE, values);
  }
  if (hasRate || moves) {
    const values = CHANGE_LANE.values({
      laneId,
      hasRate,
      ratePerSecond: ratePerSecond ?? null,
      moved: moves,
    });
    await query(tx, CHANGE_LANE, values);
  }
  // Deliveries that wait for another attempt have failed at the old URL, not at the new one: their schedules begin again.
  if (moves) await query(tx, BEGIN_AGAIN, [laneId]);
  if (enabled === false) {
    await query(tx, DISABLE, [id, DISABLED_CODES.by_client]);
    await cancelWaiting(tx, before);
  }
  if (enabled === true) await query(tx, ENABLE, [id]);
}

const MOVE = {
  name: 'move-endpoint',
  text: `
    UPDATE webhook_endpoints
       SET url = $2, disabled_at = NULL, disabled_code = NULL, disabled_reason = NULL, failing_since = NULL
     WHERE id = $1 AND (url, disabled_at, failing_since) IS DISTINCT FROM ($2, NULL, NULL)`,
};
const CLOSE = {
  name: 'close-endpoint-circuit',
  text: `
    UPDATE lanes SET failures = 0, open_until = NULL
      FROM webhook_endpoints e WHERE e.id = $1 AND lanes.id = e.lane_id AND (lanes.failures > 0 OR lanes.open_until IS NOT NULL)`,
};

/**
 * Gives an endpoint another URL and a fresh start: it is enabled and its circuit closed. For the demo, whose addresses change
 * with each start; nothing is recorded in the audit log.
 */
export async function moveEndpoint(
  { database }: { database: Pick<Database, 'pool'> },
  { endpointId, url }: { endpointId: string; url: string },
): Promise<void> {
  await inTransaction({ database }, async (tx) => {
    await query(tx, MOVE, [endpointId, url]);
    await query(tx, CLOSE, [endpointId]);
    return { commit: true, value: undefined };
  });
}

const DELETE = {
  name: 'delete-endpoint',
  text: `
    WITH no_secrets AS (DELETE FROM webhook_secrets WHERE endpoint_id = $1)
    UPDATE webhook_endpoints SET deleted_at = now() WHERE id = $1`,
};

/**
 * Deletes an endpoint: removes its secrets and cancels what waits for it. Its client can no longer read its deliveries.
 *
 * @returns false when there is none.
 */
export async function deleteEndpoint(
  tx: Transaction,
  { key, by }: { key: EndpointKey; by: Actor },
): Promise<boolean> {
  const endpoint = await findEndpointToChange(tx, key);
  if (endpoint === null) return false;
  await query(tx, DELETE, [endpoint.id]);
  await cancelWaiting(tx, endpoint);
  const subject = `endpoint:${endpoint.id}` as const;
  await recordAudit(tx, { ...by, action: 'endpoint.delete', subject, outcome: 'done', detail: {} });
  return true;
}
