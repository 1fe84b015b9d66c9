import { isProbing, isStopped } from '../health/gate.ts';
import { PRESENT_CAP } from './lane-cap.ts';
import { CIRCUIT_THRESHOLD } from './lane-circuit.ts';
import { WAITING_LANES } from './waiting-lanes.ts';

/** How many jobs are fed. A parameter, so that each statement has one text under its name. */
const MOST = '$1::int';

/** A feed costs by the lane. With thousands of them it takes as many jobs as an eighth of them, so that feeding does not cost more than the work. */
const FED_AT_ONCE = `greatest(${MOST}, least((SELECT count(*) FROM room) / 8, 500))`;

/** The kinds of lanes that are fed: those whose queue can be written to. */
const LANE_KINDS = '$2::lane_kind[]';

/** The columns of a fed job. `now()` is when it was marked as queued: it is the same for every statement of a transaction. */
const FED_JOB = `id, kind, fence, extract(epoch FROM now())::float8 * 1000 AS "queuedAt",
         lane_id AS "laneId", extract(epoch FROM run_at)::float8 * 1000 AS "runAt"`;

/** The row of an answer that says: a lane with a bucket waits. It has no job. */
const LANES_WITH_BUCKETS = `
  UNION ALL (SELECT NULL, NULL, NULL, NULL, NULL, NULL FROM room WHERE bucket_id IS NOT NULL LIMIT 1)`;

/** The user of the lane `l`: of its postings or of its syncs. */
const USER_OF_LANE = `
  CASE l.kind WHEN 'connection' THEN (SELECT c.user_id FROM connections c WHERE c.lane_id = l.id)
              WHEN 'sync' THEN (SELECT c.user_id FROM connections c WHERE c.sync_lane_id = l.id) END`;

/**
 * A lane with a rate has a `next_slot`, before which nothing is fed. Slots that were not used are made up for, up to one
 * second's worth.
 *
 * A connection whose login is broken gets nothing until the gate opens, and then one job, as a probe.
 */
const ROOM = `
  WITH RECURSIVE ${WAITING_LANES}, room AS MATERIALIZED (
    SELECT l.id AS lane_id, l.rate_per_second AS rate, w.since, slot.base, l.bucket_id, l.turn_at,
           CASE WHEN l.rate_per_second IS NULL THEN ${MOST} WHEN slot.base > now() THEN 0
                ELSE 1 + floor(extract(epoch FROM now() - slot.base) * l.rate_per_second) END AS slots,
           CASE WHEN l.failures >= ${CIRCUIT_THRESHOLD} OR (l.kind <> 'endpoint' AND ${isProbing(`(${USER_OF_LANE})`)}) THEN 1 ELSE ${PRESENT_CAP} END
             - in_flight.jobs AS free, in_flight.jobs AS in_flight
      FROM waiting_lanes w CROSS JOIN LATERAL (SELECT * FROM lanes WHERE lanes.id = w.lane_id OFFSET 0) l
           CROSS JOIN LATERAL (
             SELECT count(*) AS jobs FROM jobs f WHERE f.lane_id = l.id AND f.queued_at IS NOT NULL AND f.queued_at >= w.marked_since) in_flight
           CROSS JOIN LATERAL (SELECT greatest(
             l.next_slot, now() - make_interval(secs => greatest(0, 1 - 1 / l.rate_per_second)::float8)) AS base) slot
     WHERE l.kind = ANY (${LANE_KINDS}) AND (l.open_until IS NULL OR l.open_until <= now())
       AND (l.kind = 'endpoint' OR NOT ${isStopped(`(${USER_OF_LANE})`)})
  )`;

/**
 * Selects due jobs of a lane of `room`, the longest due first. `turn` is how many of the lane are in flight once it is fed, itself included.
 *
 * @param limit how many of the lane.
 */
const dueOfLane = (limit: string) => `
  SELECT id, run_at, room.in_flight + row_number() OVER (ORDER BY run_at, id) AS turn FROM (
    SELECT j.id, j.run_at FROM jobs j
     WHERE j.lane_id = room.lane_id AND j.queued_at IS NULL AND j.run_at >= room.since AND j.run_at <= now()
     ORDER BY j.run_at, j.id LIMIT greatest(${limit}, 0)) first`;

/**
 * Marks the jobs of `due` as queued. Lanes take turns: one that has fewer jobs in flight goes first, and of equals the job that is due longest. So
 * a lane with few jobs does not wait behind all that others may have in flight.
 *
 * The condition on `queued_at` is one that no index can serve: with `IS NULL` the planner may read all of `jobs_waiting` to find a few ids. Both
 * conditions hold for the row as it is then: a holder whose job the sweeper has taken back may put it off while the feed waits for its lock.
 */
const FED = `
  fed AS (
    UPDATE jobs SET queued_at = now()
     WHERE jobs.id = ANY (ARRAY(SELECT id FROM due ORDER BY turn, run_at LIMIT ${FED_AT_ONCE})) AND num_nulls(jobs.queued_at) = 1 AND jobs.run_at <= now()
    RETURNING jobs.id::text, jobs.kind, jobs.fence, jobs.lane_id, jobs.run_at
  )`;

/**
 * Locks the lanes of `taken` in the order of their ids, as the ends that close circuits do. An UPDATE alone takes them in the order of
 * its join, and would wait for such an end that waits for it.
 */
const LOCKED = `
  locked AS (
    SELECT id FROM lanes WHERE id = ANY (ARRAY(SELECT lane_id FROM taken)) ORDER BY id FOR NO KEY UPDATE
  )`;

/** Condition of an UPDATE of lanes: it makes the server lock all of them before the first is written. */
const IS_LOCKED = 'lanes.id = ANY (ARRAY(SELECT id FROM locked))';

/** Feeds the lanes without a bucket. Only lanes with a rate are written to. */
export const FEED_FREE = {
  name: 'feed',
  text: `${ROOM}, due AS (
    SELECT d.* FROM room CROSS JOIN LATERAL (${dueOfLane('least(room.free, room.slots)')}
    ) d WHERE room.bucket_id IS NULL
  ),${FED}, taken AS (
    SELECT room.lane_id, room.rate, room.base, counts.n
      FROM room JOIN (SELECT lane_id, count(*) AS n FROM fed GROUP BY lane_id) counts USING (lane_id)
     WHERE room.rate IS NOT NULL
  ),${LOCKED}, slots AS (
    UPDATE lanes SET next_slot = taken.base + make_interval(secs => (taken.n / taken.rate)::float8)
      FROM taken WHERE lanes.id = taken.lane_id AND ${IS_LOCKED}
  )
  SELECT ${FED_JOB} FROM fed${LANES_WITH_BUCKETS}`,
};

/**
 * The buckets of the waiting lanes from which a job may be fed now, and how many jobs.
 *
 * The limit itself is kept where a call is made (`take-call.ts`), because a queue lies between feeding and sending: calls that were
 * counted here could leave together. So this gives out no more jobs than calls are free, less the half of the burst that is left to
 * the further calls of the jobs in hand: those go before new jobs. And it gives them out at the pace of the windows (`feed_slots`),
 * because the calls of the jobs that were fed last are not counted yet.
 */
const LIMITS = `
  limits AS MATERIALIZED (
    SELECT b.id, b.interval_us, pace.bases, pace.slots
      FROM rate_buckets b CROSS JOIN LATERAL (
        SELECT array_agg(w.base ORDER BY w.n) AS bases,
               1 + floor(min(least((extract(epoch FROM now() - w.call) / w.gap) - w.spare, extract(epoch FROM now() - w.base) / w.gap))) AS slots
          FROM (SELECT n, interval_us / 1e6 AS gap, burst / 2 AS spare,
                       greatest(call, now() - (burst - 1) * interval_us * interval '1 microsecond') AS call,
                       greatest(job, now() - (burst - burst / 2 - 1) * interval_us * interval '1 microsecond') AS base
                  FROM unnest(b.interval_us, b.burst, b.next_slots, b.feed_slots) WITH ORDINALITY AS each(interval_us, burst, call, job, n)) w
      ) pace
     WHERE b.id IN (SELECT bucket_id FROM room) AND (b.paused_until IS NULL OR b.paused_until <= now()) AND pace.slots > 0
  )`;

/**
 * Feeds all lanes. Those of a bucket take turns, beginning with the one that was fed longest ago, and each gets its first job before
 * any gets its second. Beside other lanes, the first of these jobs has the lowest turn of all that are due in the bucket, and each further one a turn
 * that is higher by one at most: a lane with many jobs in flight does not keep its bucket waiting while others fill the feed.
 *
 * A bucket from which nothing may be fed, although a job is due, is marked as wanted: work on payments then goes before other calls. Of a
 * bucket whose windows are changed meanwhile the pace is not written: it begins with the change.
 */
export const FEED_LIMITED = {
  name: 'feed-limited',
  text: `${ROOM},${LIMITS}, ready AS (
    SELECT d.*, room.in_flight, room.lane_id, room.turn_at, room.bucket_id, limits.slots
      FROM room LEFT JOIN limits ON limits.id = room.bucket_id CROSS JOIN LATERAL (${dueOfLane('least(room.free, room.slots, CASE WHEN room.bucket_id IS NULL THEN room.slots ELSE coalesce(limits.slots, 0) END)')}
      ) d
  ), due AS (
    SELECT id, run_at, turn FROM ready WHERE bucket_id IS NULL
    UNION ALL
    SELECT id, run_at, least(turn, first_turn + place - 1) FROM (
      SELECT *, min(turn) OVER (PARTITION BY bucket_id) AS first_turn,
             row_number() OVER (PARTITION BY bucket_id ORDER BY turn - in_flight, turn_at NULLS FIRST, lane_id) AS place
        FROM ready WHERE bucket_id IS NOT NULL
    ) placed WHERE place <= slots
  ),${FED}, taken AS (
    SELECT room.lane_id, room.bucket_id, room.rate, room.base, counts.n
      FROM room JOIN (SELECT lane_id, count(*) AS n FROM fed GROUP BY lane_id) counts USING (lane_id)
     WHERE room.rate IS NOT NULL OR room.bucket_id IS NOT NULL
  ),${LOCKED}, slots AS (
    UPDATE lanes SET next_slot = CASE WHEN taken.rate IS NULL THEN next_slot ELSE taken.base + make_interval(secs => (taken.n / taken.rate)::float8) END,
                     turn_at = CASE WHEN taken.bucket_id IS NULL THEN turn_at ELSE now() END
      FROM taken WHERE lanes.id = taken.lane_id AND ${IS_LOCKED}
  ), wanted AS (
    UPDATE rate_buckets SET wanted_until = now() + interval '2 seconds'
     WHERE rate_buckets.id IN (
             SELECT room.bucket_id FROM room
              WHERE room.free > 0 AND room.slots > 0 AND room.bucket_id NOT IN (SELECT id FROM limits)
                AND (SELECT true FROM jobs j WHERE j.lane_id = room.lane_id AND j.queued_at IS NULL AND j.run_at >= room.since AND j.run_at <= now() ORDER BY j.run_at LIMIT 1))
       AND (rate_buckets.wanted_until IS NULL OR rate_buckets.wanted_until < now() + interval '1 second')
  ), pace AS (
    UPDATE rate_buckets SET feed_slots = (
             SELECT array_agg(base + n * gap * interval '1 microsecond' ORDER BY i)
               FROM unnest(limits.bases, limits.interval_us) WITH ORDINALITY AS each(base, gap, i))
      FROM limits JOIN (SELECT bucket_id, sum(n)::float8 AS n FROM taken GROUP BY bucket_id) counts ON counts.bucket_id = limits.id
     WHERE rate_buckets.id = limits.id AND rate_buckets.interval_us = limits.interval_us
  )
  SELECT ${FED_JOB} FROM fed${LANES_WITH_BUCKETS}`,
};
