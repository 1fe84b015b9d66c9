import { queryScript, type StatementDeps } from '../core/statements.ts';
import { onHold } from '../holds/on-hold.ts';
import { CIRCUIT_THRESHOLD } from './lane-circuit.ts';

export type DueJob = { id: string; kind: 'post_payment' | 'deliver_webhook'; fence: number };

/** `feed` in ASCII. */
const FEED_LOCK = 0x66656564;

/**
 * Takes due jobs lane by lane, as many as each lane has room for, and marks them as queued.
 *
 * The lock is a statement of its own, before the other: it makes feeders take turns, and the second statement's snapshot
 * is taken after it, so that two feeders never fill the same room twice. Both go in one message, which the server executes
 * and commits by itself: a feeder that is frozen or killed half-way cannot hold the lock.
 *
 * A lane with a rate has a `next_slot`, before which nothing is fed. Slots that were not used are made up for, up to one
 * second's worth. Only lanes with a rate are written to.
 *
 * `waiting_lanes` walks the index from lane to lane, so ten thousand jobs waiting in one lane cost as much as one.
 *
 * A connection's lane that is on hold is fed nothing. The lanes of endpoints go on.
 */
const feedScript = (limit: number) => `
  SELECT pg_advisory_xact_lock(${FEED_LOCK});
  WITH RECURSIVE waiting_lanes AS (
    (SELECT lane_id FROM jobs WHERE queued_at IS NULL ORDER BY lane_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.lane_id FROM jobs j WHERE j.queued_at IS NULL AND j.lane_id > w.lane_id ORDER BY j.lane_id LIMIT 1)
      FROM waiting_lanes w WHERE w.lane_id IS NOT NULL
  ), room AS (
    SELECT l.id AS lane_id, l.rate_per_second AS rate, slot.base,
           CASE WHEN l.rate_per_second IS NULL THEN ${limit} WHEN slot.base > now() THEN 0
                ELSE 1 + floor(extract(epoch FROM now() - slot.base) * l.rate_per_second) END AS slots,
           CASE WHEN l.failures >= ${CIRCUIT_THRESHOLD} THEN 1 ELSE l.concurrency END
             - (SELECT count(*) FROM jobs f WHERE f.lane_id = l.id AND f.queued_at IS NOT NULL) AS free
      FROM waiting_lanes w JOIN lanes l ON l.id = w.lane_id
           CROSS JOIN LATERAL (SELECT greatest(
             l.next_slot, now() - make_interval(secs => greatest(0, 1 - 1 / l.rate_per_second)::float8)) AS base) slot
     WHERE (l.open_until IS NULL OR l.open_until <= now())
       AND (l.kind = 'endpoint' OR NOT ${onHold('(SELECT c.user_id FROM connections c WHERE c.lane_id = l.id)')})
  ), due AS (
    SELECT d.id FROM room CROSS JOIN LATERAL (
      SELECT j.id, j.run_at FROM jobs j
       WHERE j.lane_id = room.lane_id AND j.queued_at IS NULL AND j.run_at <= now()
       ORDER BY j.run_at, j.id LIMIT greatest(least(room.free, room.slots), 0)
    ) d ORDER BY d.run_at LIMIT ${limit}
  ), fed AS (
    UPDATE jobs SET queued_at = now() WHERE jobs.id = ANY (ARRAY(SELECT id FROM due)) AND jobs.queued_at IS NULL
    RETURNING jobs.id::text, jobs.kind, jobs.fence, jobs.lane_id
  ), slots AS (
    UPDATE lanes SET next_slot = room.base + make_interval(secs => (taken.n / room.rate)::float8)
      FROM room JOIN (SELECT lane_id, count(*) AS n FROM fed GROUP BY lane_id) taken USING (lane_id)
     WHERE lanes.id = room.lane_id AND room.rate IS NOT NULL
  )
  SELECT id, kind, fence FROM fed`;

/** @returns the jobs to hand to the queue now; at most `limit`. */
export async function feedJobs(deps: StatementDeps, limit: number): Promise<DueJob[]> {
  return await queryScript<DueJob>(deps, feedScript(limit));
}
