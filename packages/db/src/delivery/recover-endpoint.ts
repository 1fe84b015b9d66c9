import { newRecoveryId } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** Most events that one recovery takes. */
export const MOST_RECOVERED = 10_000;

/** Most deliveries of a recovery that become due in a second; fewer where the endpoint's own limit is lower. */
const PER_SECOND = 20;

export type MissedInput = {
  endpointId: string;
  /** The bounds are on the time at which an event was written. */
  since: Date;
  until: Date;
};

/**
 * CTEs that find what an enabled endpoint missed between `:since` and `:until`: deliveries that failed or were canceled,
 * and events that were written while it was disabled, of the types that it subscribes to now and not from before its
 * registration.
 */
const MISSED = `
    endpoint AS MATERIALIZED (
      SELECT e.id, e.client_pk, e.lane_id, e.created_at, e.event_types, l.rate_per_second
        FROM webhook_endpoints e JOIN lanes l ON l.id = e.lane_id
       WHERE e.id = :endpointId AND e.deleted_at IS NULL AND e.disabled_at IS NULL
    ), missed AS MATERIALIZED (
      (SELECT v.id AS event_id, v.created_at, d.id AS delivery_id
         FROM endpoint JOIN deliveries d ON d.endpoint_id = endpoint.id AND d.status IN ('failed', 'canceled')
         JOIN events v ON v.id = d.event_id AND v.created_at >= :since AND v.created_at < :until
        ORDER BY v.created_at, v.id LIMIT ${MOST_RECOVERED + 1})
      UNION ALL
      (SELECT v.id, v.created_at, NULL
         FROM endpoint JOIN events v ON v.client_pk = endpoint.client_pk
          AND v.created_at >= greatest(:since, endpoint.created_at) AND v.created_at < :until
          AND (endpoint.event_types = '{}' OR v.type = ANY (endpoint.event_types))
        WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.event_id = v.id AND d.endpoint_id = endpoint.id)
        ORDER BY v.created_at, v.id LIMIT ${MOST_RECOVERED + 1})
    )`;

const COUNT = named({
  name: 'count-missed',
  values: ['endpointId', 'since', 'until'],
  text: `WITH ${MISSED} SELECT least(count(*), ${MOST_RECOVERED})::int AS count FROM missed`,
});

const BEGINNING = {
  name: 'beginning-of-missed',
  text: `
    SELECT least($2::timestamptz, min(v.created_at)) AS since FROM deliveries d JOIN events v ON v.id = d.event_id
     WHERE d.endpoint_id = $1 AND d.status IN ('failed', 'canceled') AND d.finished_at >= $2`,
};

/**
 * Finds the start of the period to recover after an endpoint began to fail: the time of the oldest event whose delivery
 * failed or was canceled since then. That event was written before its first attempt failed, so before `failingSince`.
 */
export async function beginningOfMissed(
  deps: StatementDeps,
  { endpointId, failingSince }: { endpointId: string; failingSince: Date },
): Promise<Date> {
  const [row] = await query<{ since: Date }>(deps, BEGINNING, [endpointId, failingSince]);
  return row?.since ?? failingSince;
}

/** Counts the events that an endpoint missed, up to what one recovery takes. */
export async function countMissed(
  deps: StatementDeps,
  { endpointId, since, until }: MissedInput,
): Promise<number> {
  const [row] = await query<{ count: number }>(deps, COUNT, COUNT.values({ endpointId, since, until }));
  return row?.count ?? 0;
}

/** The jobs become due one after the other, so that a receiver that has just come back is not overloaded. */
const RECOVER = named({
  name: 'recover-endpoint',
  values: ['endpointId', 'since', 'until', 'recoveryId', ...AUDIT_VALUES],
  text: `
    WITH ${MISSED}, chosen AS MATERIALIZED (
      SELECT *, row_number() OVER (ORDER BY created_at, event_id) AS n FROM missed
       ORDER BY created_at, event_id LIMIT ${MOST_RECOVERED}
    ), again AS (
      UPDATE deliveries d SET status = 'pending', finished_at = NULL, recovery_id = :recoveryId
        FROM chosen WHERE d.id = chosen.delivery_id AND d.status IN ('failed', 'canceled')
      RETURNING d.id, d.event_id
    ), fresh AS (
      INSERT INTO deliveries (event_id, endpoint_id, recovery_id)
      SELECT chosen.event_id, endpoint.id, :recoveryId FROM chosen, endpoint WHERE chosen.delivery_id IS NULL
      ON CONFLICT DO NOTHING RETURNING id, event_id
    ), due AS (
      SELECT w.id, chosen.n FROM (SELECT * FROM again UNION ALL SELECT * FROM fresh) w JOIN chosen USING (event_id)
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, delivery_id, run_at)
      SELECT 'deliver_webhook', endpoint.lane_id, due.id,
             now() + make_interval(secs => (due.n - 1) / least(coalesce(endpoint.rate_per_second, ${PER_SECOND}), ${PER_SECOND})::float8)
        FROM due, endpoint
    ), recovery AS (
      INSERT INTO recoveries (id, endpoint_id, since, until, total, more)
      SELECT :recoveryId, endpoint.id, :since, :until, (SELECT count(*) FROM due), (SELECT count(*) FROM missed) > ${MOST_RECOVERED}
        FROM endpoint
      RETURNING id
    ), ${auditCte({ from: 'recovery' })}, notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM due LIMIT 1) AS any_row
    )
    SELECT recovery.id FROM recovery LEFT JOIN notified ON true`,
});

/**
 * Sends an endpoint all events that it missed, oldest first.
 *
 * @returns the recovery's id; null when the endpoint is disabled or gone.
 */
export async function recoverEndpoint(
  tx: StatementDeps,
  { endpointId, since, until, by }: MissedInput & { by: Actor },
): Promise<string | null> {
  const audit = auditValues({
    ...by,
    action: 'endpoint.recover',
    subject: `endpoint:${endpointId}`,
    outcome: 'done',
    detail: { since: since.toISOString(), until: until.toISOString() },
  });
  const values = RECOVER.values({ endpointId, since, until, recoveryId: newRecoveryId(), ...audit });
  const [row] = await query<{ id: string }>(tx, RECOVER, values);
  return row?.id ?? null;
}

export type RecoveryRecord = {
  id: string;
  endpointId: string;
  since: Date;
  until: Date;
  createdAt: Date;
  total: number;
  /** Deliveries that still wait. One that was sent again by something else since then counts as done. */
  pending: number;
  delivered: number;
  failed: number;
  more: boolean;
};

const FIND = {
  name: 'find-recovery',
  text: `
    SELECT r.id, r.endpoint_id AS "endpointId", r.since, r.until, r.created_at AS "createdAt", r.total, r.more,
           count(d.id) FILTER (WHERE d.status = 'pending')::int AS pending,
           count(d.id) FILTER (WHERE d.status = 'delivered')::int AS delivered,
           count(d.id) FILTER (WHERE d.status IN ('failed', 'canceled'))::int AS failed
      FROM recoveries r LEFT JOIN deliveries d ON d.recovery_id = r.id
     WHERE r.id = $1 AND r.endpoint_id = $2
     GROUP BY r.id`,
};

/** Finds one recovery of this endpoint, with its progress; null when there is none of that id. */
export async function findRecovery(
  deps: StatementDeps,
  { endpointId, recoveryId }: { endpointId: string; recoveryId: string },
): Promise<RecoveryRecord | null> {
  const [row] = await query<RecoveryRecord>(deps, FIND, [recoveryId, endpointId]);
  return row ?? null;
}
