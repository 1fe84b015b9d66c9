import { newRecoveryId } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { auditCte, auditValues } from '../audit/record-audit.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/** Events of one recovery. */
export const MOST_RECOVERED = 10_000;

/** At most so many of a recovery become due in a second, or as many as the endpoint's own limit allows. */
const PER_SECOND = 20;

export type MissedInput = {
  endpointId: string;
  /** By the time at which the events came about. */
  since: Date;
  until: Date;
};

/**
 * What an enabled endpoint does not have of a time ($2 to $3): deliveries that failed or were canceled, and events that
 * were written while it was disabled, of the types that it asks for now and not from before it was registered.
 */
const MISSED = `
    endpoint AS MATERIALIZED (
      SELECT e.id, e.client_pk, e.lane_id, e.created_at, e.event_types, l.rate_per_second
        FROM webhook_endpoints e JOIN lanes l ON l.id = e.lane_id
       WHERE e.id = $1 AND e.deleted_at IS NULL AND e.disabled_at IS NULL
    ), missed AS MATERIALIZED (
      (SELECT v.id AS event_id, v.created_at, d.id AS delivery_id
         FROM endpoint JOIN deliveries d ON d.endpoint_id = endpoint.id AND d.status IN ('failed', 'canceled')
         JOIN events v ON v.id = d.event_id AND v.created_at >= $2 AND v.created_at < $3
        ORDER BY v.created_at, v.id LIMIT ${MOST_RECOVERED + 1})
      UNION ALL
      (SELECT v.id, v.created_at, NULL
         FROM endpoint JOIN events v ON v.client_pk = endpoint.client_pk
          AND v.created_at >= greatest($2, endpoint.created_at) AND v.created_at < $3
          AND (endpoint.event_types = '{}' OR v.type = ANY (endpoint.event_types))
        WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.event_id = v.id AND d.endpoint_id = endpoint.id)
        ORDER BY v.created_at, v.id LIMIT ${MOST_RECOVERED + 1})
    )`;

const COUNT = {
  name: 'count-missed',
  text: `WITH ${MISSED} SELECT least(count(*), ${MOST_RECOVERED})::int AS count FROM missed`,
};

const BEGINNING = {
  name: 'beginning-of-missed',
  text: `
    SELECT least($2::timestamptz, min(v.created_at)) AS since FROM deliveries d JOIN events v ON v.id = d.event_id
     WHERE d.endpoint_id = $1 AND d.status IN ('failed', 'canceled') AND d.finished_at >= $2`,
};

/**
 * From when on to recover what an endpoint lost since it began to fail: the first event that was given up after that,
 * which came about before its first attempt failed.
 */
export async function beginningOfMissed(
  deps: StatementDeps,
  { endpointId, failingSince }: { endpointId: string; failingSince: Date },
): Promise<Date> {
  const [row] = await query<{ since: Date }>(deps, BEGINNING, [endpointId, failingSince]);
  return row?.since ?? failingSince;
}

/** How many events an endpoint missed; not counted beyond what one recovery takes. */
export async function countMissed(
  deps: StatementDeps,
  { endpointId, since, until }: MissedInput,
): Promise<number> {
  const [row] = await query<{ count: number }>(deps, COUNT, [endpointId, since, until]);
  return row?.count ?? 0;
}

/** The jobs are due one after the other, so that a receiver that is just back on its feet is not run over. */
const RECOVER = {
  name: 'recover-endpoint',
  text: `
    WITH ${MISSED}, chosen AS MATERIALIZED (
      SELECT *, row_number() OVER (ORDER BY created_at, event_id) AS n FROM missed
       ORDER BY created_at, event_id LIMIT ${MOST_RECOVERED}
    ), again AS (
      UPDATE deliveries d SET status = 'pending', finished_at = NULL, recovery_id = $4
        FROM chosen WHERE d.id = chosen.delivery_id AND d.status IN ('failed', 'canceled')
      RETURNING d.id, d.event_id
    ), fresh AS (
      INSERT INTO deliveries (event_id, endpoint_id, recovery_id)
      SELECT chosen.event_id, endpoint.id, $4 FROM chosen, endpoint WHERE chosen.delivery_id IS NULL
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
      SELECT $4, endpoint.id, $2, $3, (SELECT count(*) FROM due), (SELECT count(*) FROM missed) > ${MOST_RECOVERED}
        FROM endpoint
      RETURNING id
    ), ${auditCte({ from: 'recovery', at: 5 })}, told AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM (SELECT FROM due LIMIT 1) AS any_row
    )
    SELECT recovery.id FROM recovery LEFT JOIN told ON true`,
};

/**
 * Sends an endpoint all that it missed, oldest first.
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
  const values = [endpointId, since, until, newRecoveryId(), ...audit];
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
  /** Those that still wait. One that something else has sent again since counts as done. */
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

/** One recovery of this endpoint and how far it is; null when there is none of that id. */
export async function findRecovery(
  deps: StatementDeps,
  { endpointId, recoveryId }: { endpointId: string; recoveryId: string },
): Promise<RecoveryRecord | null> {
  const [row] = await query<RecoveryRecord>(deps, FIND, [recoveryId, endpointId]);
  return row ?? null;
}
