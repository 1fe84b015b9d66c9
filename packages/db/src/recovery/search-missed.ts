import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Turn } from './claim-turn.ts';
import { deliveryTo, missedBy } from './missed.ts';
import { AHEAD, LEAST_ROOM, PACE, PACE_SIGNALS } from './recovery-pace.ts';

/** Most events that one turn reads. */
const READ_AT_ONCE = 1_000;

/** While this many deliveries of the endpoint wait for an attempt, retries included, a recovery makes none pending. */
const MOST_WAITING = 5_000;

/** Longest time between two turns in which nothing happens, and the shortest, which doubles with each. */
export const LONGEST_PAUSE_SECONDS = 10;
const SHORTEST_PAUSE_SECONDS = 0.1;

/** Shortest time between two turns that are bounded by the pace. */
const BETWEEN_SECONDS = 0.1;

/**
 * Searches the next events of a recovery's period, in the order in which they were written, and makes pending what the
 * endpoint missed of them, in one commit with the place that the search has reached. `plan` decides how many; `stretch` is
 * the events that are read, so that a period without missed events is searched in bounded steps too.
 *
 * Deliveries are locked, and new ones written, in the same order as by redeliveries: neither deadlocks with the other. `places` finds the
 * order of a new delivery without a join, which would compare all with all: the transaction forbids the planner everything else.
 *
 * A delivery that is pending is left alone: whatever made it pending sends it.
 */
export const SEARCH = named({
  name: 'search-missed',
  values: ['recoveryId', 'turn'],
  text: `
    WITH recovery AS MATERIALIZED (
      SELECT r.id, r.until, coalesce(r.reached_at, r.since) AS from_at, coalesce(r.reached_id, '') AS from_id,
             e.id AS endpoint_id, e.client_pk, e.lane_id, e.created_at AS registered_at, e.event_types, ${PACE_SIGNALS},
             greatest(now(), (SELECT max(o.next_slot) FROM recoveries o
                               WHERE o.endpoint_id = r.endpoint_id AND o.state = 'running')) AS slot
        FROM recoveries r JOIN webhook_endpoints e ON e.id = r.endpoint_id JOIN lanes l ON l.id = e.lane_id
       WHERE r.id = :recoveryId AND r.turns = :turn AND r.state = 'running' AND r.total IS NULL
         AND e.disabled_at IS NULL AND e.deleted_at IS NULL
         FOR UPDATE OF r
    ), paced AS MATERIALIZED (
      SELECT recovery.*, ${PACE} AS new_pace, least(recovery.rate_per_second::float8, ${PACE}) AS rate,
             ${AHEAD} AS ahead FROM recovery
    ), plan AS MATERIALIZED (
      SELECT paced.*, greatest(0, least(
               ceil((ahead - extract(epoch FROM slot - now())::float8) * rate), greatest(ceil(ahead * rate) - in_flight, ${LEAST_ROOM}) - coming,
               ${MOST_WAITING} - (SELECT count(*) FROM (
                 SELECT FROM jobs j WHERE j.lane_id = paced.lane_id AND j.queued_at IS NULL LIMIT ${MOST_WAITING}) AS waiting)
             ))::int AS room
        FROM paced
    ), stretch AS MATERIALIZED (
      SELECT plan.*, last.id IS NULL AS is_last, coalesce(last.created_at, plan.until) AS to_at, coalesce(last.id, '') AS to_id
        FROM plan LEFT JOIN LATERAL (
          SELECT v.created_at, v.id FROM events v
           WHERE v.client_pk = plan.client_pk AND (v.created_at, v.id) > (plan.from_at, plan.from_id) AND v.created_at < plan.until
           ORDER BY v.created_at, v.id OFFSET ${READ_AT_ONCE - 1} LIMIT 1) last ON true
       WHERE plan.room > 0
    ), missed AS MATERIALIZED (
      SELECT found.* FROM stretch CROSS JOIN LATERAL (
        SELECT v.id AS event_id, v.type, v.created_at, d.id AS delivery_id, row_number() OVER (ORDER BY v.created_at, v.id) AS n
          FROM events v LEFT JOIN LATERAL ${deliveryTo('stretch.endpoint_id')} d ON true
         WHERE v.client_pk = stretch.client_pk AND (v.created_at, v.id) > (stretch.from_at, stretch.from_id)
           AND (v.created_at, v.id) <= (stretch.to_at, stretch.to_id) AND v.created_at < stretch.until
           AND ${missedBy('stretch')}
         ORDER BY v.created_at, v.id LIMIT stretch.room) found
    ), locked AS MATERIALIZED (
      SELECT d.event_id, d.id, missed.n FROM missed JOIN deliveries d ON d.event_id = missed.event_id AND d.id = missed.delivery_id
       ORDER BY d.id FOR UPDATE OF d
    ), again AS (
      UPDATE deliveries d SET status = 'pending', finished_at = NULL, recovery_id = :recoveryId
        FROM locked WHERE d.event_id = locked.event_id AND d.id = locked.id AND d.status IN ('failed', 'canceled')
      RETURNING d.id, d.event_id, locked.n
    ), fresh AS (
      INSERT INTO deliveries (event_id, endpoint_id, event_type, recovery_id)
      SELECT missed.event_id, stretch.endpoint_id, missed.type, :recoveryId FROM missed CROSS JOIN stretch
       WHERE missed.delivery_id IS NULL AND (SELECT count(*) FROM locked) >= 0 ORDER BY missed.event_id
      ON CONFLICT DO NOTHING RETURNING id, event_id
    ), places AS MATERIALIZED (
      SELECT jsonb_object_agg(event_id, n) AS of FROM missed WHERE delivery_id IS NULL
    ), due AS MATERIALIZED (
      SELECT w.id, w.event_id, row_number() OVER (ORDER BY w.n) AS n
        FROM (SELECT id, event_id, n FROM again
              UNION ALL
              SELECT id, event_id, (places.of ->> event_id)::bigint FROM fresh CROSS JOIN places) w
    ), queued AS (
      INSERT INTO jobs (kind, lane_id, event_id, delivery_id, run_at)
      SELECT 'deliver_webhook', stretch.lane_id, due.event_id, due.id, stretch.slot + make_interval(secs => (due.n - 1) / stretch.rate)
        FROM due CROSS JOIN stretch
    ), step AS MATERIALIZED (
      SELECT plan.id, plan.new_pace, plan.ahead, made.n AS queued, plan.slot + make_interval(secs => made.n / plan.rate) AS slot,
             stretch.is_last AND NOT coalesce(read.is_full, false) AS is_over, read.is_full,
             CASE WHEN read.is_full THEN read.created_at ELSE stretch.to_at END AS reached_at,
             CASE WHEN read.is_full THEN read.event_id ELSE stretch.to_id END AS reached_id
        FROM plan LEFT JOIN stretch ON true CROSS JOIN (SELECT count(*)::int AS n FROM due) made
        LEFT JOIN LATERAL (
          SELECT missed.created_at, missed.event_id, (SELECT count(*) FROM missed) >= plan.room AS is_full
            FROM missed ORDER BY missed.created_at DESC, missed.event_id DESC LIMIT 1) read ON true
    )
    UPDATE recoveries r
       SET found = r.found + step.queued, pace = step.new_pace, next_slot = CASE WHEN step.queued > 0 THEN step.slot ELSE r.next_slot END,
           reached_at = coalesce(step.reached_at, r.reached_at), reached_id = coalesce(step.reached_id, r.reached_id),
           total = CASE WHEN step.is_over THEN coalesce(r.total, r.found + step.queued) END,
           idle_turns = CASE WHEN step.reached_at IS NULL THEN r.idle_turns + 1 ELSE 0 END,
           next_turn_at = CASE
             WHEN step.reached_at IS NOT NULL AND step.is_full IS NOT TRUE THEN now()
             ELSE now() + make_interval(secs => least(${LONGEST_PAUSE_SECONDS}, CASE
               WHEN step.reached_at IS NULL THEN ${SHORTEST_PAUSE_SECONDS} * power(2, least(r.idle_turns, 10))
               ELSE greatest(${BETWEEN_SECONDS}, extract(epoch FROM step.slot - now())::float8 - step.ahead / 2) END)) END
      FROM step WHERE r.id = step.id
    RETURNING step.queued`,
});

/**
 * Does one turn's search.
 *
 * @param tx a transaction under `readInIndexOrder`.
 * @returns the number of deliveries that were made pending; 0 also when the turn is over, the search has ended, or the endpoint
 *   is disabled.
 */
export async function searchMissed(tx: StatementDeps, { recoveryId, turn }: Turn): Promise<number> {
  const [row] = await query<{ queued: number }>(tx, SEARCH, SEARCH.values({ recoveryId, turn }));
  return row?.queued ?? 0;
}
