import type { AutomaticDisabledCode } from '@emr-payments/contracts';
import { CLAIMED, keyedBy, setStatement, UNSYNCED } from '../core/set-statement.ts';
import { query, queryInSet, type StatementDeps } from '../core/statements.ts';
import { cancelWaitingCtes } from '../endpoints/cancel-waiting.ts';
import { type EventRecord, publishEventCtes } from '../events/publish-event.ts';
import { failedLane, NOT_OPEN } from '../jobs/lane-circuit.ts';
import type { Claim } from '../jobs/renew-leases.ts';

export type DeliveryAttemptRecord = {
  startedAt: Date;
  durationMs: number;
  httpStatus: number | null;
  /** null after a 2xx. */
  errorKind: string | null;
  excerpt: string | null;
};

/** When a failed attempt disables the endpoint, why, and the event that is then published. */
export type Disabling = {
  /** Where the attempt was sent: it says nothing about an endpoint that has another URL by now. */
  url: string;
  /** `now`: at once. `failing_too_long`: if there were only failures for five days. */
  when: 'now' | 'failing_too_long';
  code: AutomaticDisabledCode;
  reason: string;
  event: EventRecord;
};

export type DeliveryRecord = {
  claim: Claim;
  clientPk: number;
  /** null when nothing was sent. */
  attempt: DeliveryAttemptRecord | null;
  next: { status: 'delivered' } | { status: 'failed' | 'canceled' } | { status: 'pending'; delayMs: number };
  /** Set after a failed attempt. */
  disabling: Disabling | null;
};

/**
 * An endpoint is disabled after this many days with nothing but failures, and at least this many of them: two failures a
 * week apart do not disable it.
 */
const FAILING_DAYS = 5;
const FAILING_ATTEMPTS = 10;

/**
 * A condition that is true when nothing was sent to an endpoint for so long after its last failure: the next failure is the first of a new run.
 * The service was off, or there was no event. Without this, one failure after a quiet month would disable an endpoint for failures of a month ago.
 *
 * @param lane the alias of the lane. Its `open_until` is at the last failure that counted, or up to `longestSeconds` later.
 */
const isRested = (lane: string): string =>
  `coalesce(${lane}.open_until <= now() - interval '${FAILING_DAYS} days', false)`;

/** Longest time that an endpoint's circuit stays open before the next probe. */
const FAILED_LANE = failedLane({
  longestSeconds: 300,
  before: `CASE WHEN ${isRested('lanes')} THEN 0 ELSE lanes.failures END`,
  untilBelow: 'now()',
});

/**
 * A condition that is always true and whose evaluation writes the endpoint's row: so the endpoint is locked before its lane, as a
 * change of the endpoint does it, and the two never deadlock. Left to itself PostgreSQL runs the lane's update first.
 */
const ENDPOINT_FIRST = '(SELECT count(*) FROM endpoint) >= 0';

const EVENT_MARKERS = { id: '$13', type: '$14', body: '$15', clientPk: '$16' };

/** Condition under which a failed attempt counts against the endpoint: it was sent to the present URL, and the endpoint was not disabled meanwhile. */
const COUNTS = 'EXISTS (SELECT FROM target WHERE target.enabled AND NOT target.moved)';

/**
 * Records the end of a delivery attempt in one commit: the attempt, the delivery's status, the end of the job or the time
 * of its next try, the circuit of the endpoint's lane, and since when the endpoint has been failing. If that disables the
 * endpoint, what waits for it is canceled, its circuit is closed, the event is published to the client's other
 * endpoints, and the audit log has an entry.
 *
 * The endpoint can have changed while the attempt was under way:
 *
 * - It was disabled or deleted: a delivery that would wait for another attempt is canceled, as those that were waiting then. So a
 *   recovery finds it.
 * - It has another URL, and not only another fragment, which is not sent: the failure does not count against the endpoint, the delivery's
 *   schedule begins again, and the delivery is due at once. An old receiver that is taken away often answers 410.
 * - A delivery whose claim found the endpoint disabled is canceled only if it still is. If it was enabled meanwhile, the delivery
 *   is due again: a recovery that came by found it pending and left it alone.
 */
const RECORD = {
  name: 'record-delivery',
  text: `
    WITH job AS MATERIALIZED (
      SELECT j.id, j.lane_id, j.event_id, j.delivery_id, d.endpoint_id
        FROM jobs j JOIN deliveries d ON d.event_id = j.event_id AND d.id = j.delivery_id
       WHERE j.id = $1 AND j.fence = $2 FOR UPDATE OF j
    ), target AS MATERIALIZED (
      SELECT e.id, e.disabled_at IS NULL AND e.deleted_at IS NULL AS enabled,
             split_part(e.url, '#', 1) <> split_part(coalesce($17, e.url), '#', 1) AS moved,
             (SELECT ${isRested('l')} FROM lanes l WHERE l.id = job.lane_id) AS rested
        FROM job JOIN webhook_endpoints e ON e.id = job.endpoint_id FOR NO KEY UPDATE OF e
    ), disabled AS (
      UPDATE webhook_endpoints e
         SET disabled_at = now(), disabled_code = $11, disabled_reason = $12, failing_since = coalesce(e.failing_since, now())
        FROM job JOIN lanes l ON l.id = job.lane_id
       WHERE e.id = job.endpoint_id AND ${COUNTS}
         AND ($10 = 'now' OR ($10 = 'failing_too_long' AND l.failures + 1 >= ${FAILING_ATTEMPTS} AND NOT ${isRested('l')}
                              AND e.failing_since <= now() - interval '${FAILING_DAYS} days'))
      RETURNING e.id, e.lane_id, e.disabled_code
    ), audited AS (
      INSERT INTO audit_log (actor, source, action, subject, outcome, detail)
      SELECT 'system', 'worker', 'endpoint.disable', 'endpoint:' || id, 'done', jsonb_build_object('code', disabled_code)
        FROM disabled
    ), verdict AS MATERIALIZED (
      SELECT CASE WHEN target.enabled AND (target.moved OR $3 = 'canceled') THEN 'pending'
                  WHEN $3 = 'pending' AND (NOT target.enabled OR EXISTS (SELECT FROM disabled)) THEN 'canceled'
                  ELSE $3 END AS status,
             target.moved, CASE WHEN $5::timestamptz IS NULL THEN 0 ELSE 1 END AS tries,
             CASE WHEN target.moved THEN 0 ELSE $4 END AS delay_ms
        FROM target
    ), ended AS (
      DELETE FROM jobs USING job, verdict WHERE jobs.id = job.id AND verdict.status <> 'pending'
    ), postponed AS (
      UPDATE jobs SET queued_at = NULL, lease_until = NULL, fence = jobs.fence + 1, tries = CASE WHEN verdict.moved THEN 0 ELSE least(jobs.tries + verdict.tries, 1000) END,
             run_at = now() + make_interval(secs => verdict.delay_ms / 1000.0)
        FROM job, verdict WHERE jobs.id = job.id AND verdict.status = 'pending'
    ), recorded AS (
      UPDATE deliveries d
         SET status = verdict.status::delivery_status, attempts = d.attempts + CASE WHEN $5::timestamptz IS NULL THEN 0 ELSE 1 END,
             finished_at = CASE WHEN verdict.status <> 'pending' THEN now() END
        FROM job, verdict WHERE d.event_id = job.event_id AND d.id = job.delivery_id
      RETURNING d.event_id, d.id, d.attempts, d.endpoint_id
    ), attempt AS (
      INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms, http_status, error_kind, excerpt)
      SELECT event_id, id, attempts, $5, $6, $7, $8, $9 FROM recorded WHERE $5::timestamptz IS NOT NULL
    ), endpoint AS (
      UPDATE webhook_endpoints e SET failing_since = CASE WHEN $3 = 'delivered' THEN NULL ELSE now() END
        FROM recorded
       WHERE e.id = recorded.endpoint_id AND $5::timestamptz IS NOT NULL
         AND ((e.failing_since IS NULL) = ($3 <> 'delivered') OR ($3 <> 'delivered' AND EXISTS (SELECT FROM target WHERE target.rested)))
         AND ${COUNTS} AND NOT EXISTS (SELECT FROM disabled)
      RETURNING e.id
    ), healthy AS (
      UPDATE lanes SET failures = 0, open_until = NULL
        FROM job WHERE lanes.id = job.lane_id AND $3 = 'delivered' AND lanes.failures > 0 AND ${ENDPOINT_FIRST}
    ), failing AS (
      UPDATE lanes SET ${FAILED_LANE}
        FROM job WHERE lanes.id = job.lane_id AND $5::timestamptz IS NOT NULL AND $3 <> 'delivered' AND ${NOT_OPEN}
         AND ${COUNTS} AND NOT EXISTS (SELECT FROM disabled) AND ${ENDPOINT_FIRST}
    ), closed AS (
      UPDATE lanes SET failures = 0, open_until = NULL FROM disabled WHERE lanes.id = disabled.lane_id
    ), ${cancelWaitingCtes('disabled', 'job')}, subject AS (
      SELECT NULL::int AS user_id, NULL::uuid AS id, NULL::smallint AS round, NULL::bigint AS job_id FROM disabled
    ), ${publishEventCtes({ from: 'subject', markers: EVENT_MARKERS, except: 'disabled' })}
    SELECT (SELECT count(*) FROM disabled) > 0 AS disabled FROM job`,
};

/**
 * Records a successful delivery, the usual case, in one commit: ends the job, the delivery and the endpoint's run of
 * failures, if there was one, and writes the attempt. A statement of its own, because everything that a failure may bring
 * with it makes `record-delivery` several times more expensive.
 *
 * An endpoint that was disabled meanwhile keeps the time of its first failure: once it is enabled, events are recovered from there.
 *
 * It does not wait for the disk: if a crash of the server loses it, the claim's lease ends and the event is sent once more. Any other
 * end waits, because a failure can disable the endpoint, which publishes an event.
 */
const DELIVERED = setStatement({
  name: 'record-delivered',
  columns: {
    job_id: 'bigint',
    fence: 'int',
    started_at: 'timestamptz',
    duration_ms: 'int',
    http_status: 'smallint',
    excerpt: 'text',
  },
  text: `job AS (
      DELETE FROM jobs USING asked WHERE ${CLAIMED} RETURNING asked.*, jobs.lane_id, jobs.event_id, jobs.delivery_id
    ), recorded AS (
      UPDATE deliveries d SET status = 'delivered', attempts = d.attempts + 1, finished_at = now()
        FROM job WHERE ${keyedBy('d.event_id', 'SELECT event_id FROM job', 'job.event_id')} AND d.id = job.delivery_id
      RETURNING d.event_id, d.id, d.attempts, d.endpoint_id, job.started_at, job.duration_ms, job.http_status, job.excerpt
    ), attempt AS (
      INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms, http_status, excerpt)
      SELECT event_id, id, attempts, started_at, duration_ms, http_status, excerpt FROM recorded
    ), recovering AS (
      SELECT id FROM webhook_endpoints WHERE failing_since IS NOT NULL AND disabled_at IS NULL
         AND id = ANY (ARRAY(SELECT endpoint_id FROM recorded)) ORDER BY id FOR NO KEY UPDATE
    ), endpoint AS (
      UPDATE webhook_endpoints SET failing_since = NULL WHERE id = ANY (ARRAY(SELECT id FROM recovering)) RETURNING id
    ), answering AS (
      SELECT id FROM lanes WHERE failures > 0 AND id = ANY (ARRAY(SELECT lane_id FROM job)) AND ${ENDPOINT_FIRST} ORDER BY id FOR NO KEY UPDATE
    ), healthy AS (
      UPDATE lanes SET failures = 0, open_until = NULL WHERE id = ANY (ARRAY(SELECT id FROM answering))
    ), ${UNSYNCED}
    SELECT job_id FROM job CROSS JOIN unsynced`,
});

/**
 * @returns `written`: false when the claim is no longer ours; then nothing was changed. `disabled`: true when this attempt
 *   disabled the endpoint.
 */
export async function recordDelivery(
  deps: StatementDeps,
  record: DeliveryRecord,
): Promise<{ written: boolean; disabled: boolean }> {
  const { claim, attempt, next, disabling } = record;
  if (next.status === 'delivered' && attempt !== null) {
    const { startedAt, durationMs, httpStatus, excerpt } = attempt;
    const ended = await queryInSet(deps, DELIVERED, {
      job_id: claim.jobId,
      fence: claim.fence,
      started_at: startedAt,
      duration_ms: durationMs,
      http_status: httpStatus,
      excerpt,
    });
    return { written: ended !== undefined, disabled: false };
  }
  const [row] = await query<{ disabled: boolean }>(deps, RECORD, [
    claim.jobId,
    claim.fence,
    next.status,
    next.status === 'pending' ? next.delayMs : 0,
    attempt?.startedAt ?? null,
    attempt?.durationMs ?? null,
    attempt?.httpStatus ?? null,
    attempt?.errorKind ?? null,
    attempt?.excerpt ?? null,
    disabling?.when ?? null,
    disabling?.code ?? null,
    disabling?.reason ?? null,
    disabling?.event.id ?? null,
    disabling?.event.type ?? null,
    disabling?.event.body ?? null,
    record.clientPk,
    disabling?.url ?? null,
  ]);
  return { written: row !== undefined, disabled: row?.disabled ?? false };
}
