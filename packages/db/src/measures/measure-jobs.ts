import { query, type StatementDeps } from '../core/statements.ts';
import { JOB_KINDS, type JobKind } from '../jobs/job-kinds.ts';
import { PRESENT_CAP } from '../jobs/lane-cap.ts';
import { CIRCUIT_THRESHOLD } from '../jobs/lane-circuit.ts';

/**
 * The states of a live job, for the operator's graphs. All but `waiting` and the last two are due.
 * - `waiting`: its time has not come.
 * - `stopped`: behind a hold or a broken login.
 * - `held_back`: behind other jobs of its lane that are in flight, an open circuit, or a limit of requests. More workers change nothing.
 * - `due`: nothing holds it back, so the relay feeds it within a second; or later, where the queue has enough for the workers that there are.
 * - `queued`: handed to the queue. - `claimed`: a worker has it.
 */
const MEASURED_STATES = ['waiting', 'stopped', 'held_back', 'due', 'queued', 'claimed'] as const;
export type MeasuredState = (typeof MEASURED_STATES)[number];

export type JobMeasures = {
  /** Every kind in every state, with 0 where there is none. Those that are not in the queue are counted to `MOST_COUNTED`. */
  jobs: { kind: JobKind; state: MeasuredState; count: number }[];
  /** Seconds that the oldest job of a kind which nothing holds back has waited for a worker: one that is `due`, or queued and not claimed. */
  oldestDue: { kind: JobKind; seconds: number }[];
  /**
   * Jobs that their lanes have room for, while what is in the queue is not claimed in the time that the way through it takes: the places of all
   * workers are taken. With more places they would be under work. Most wait in their lanes, because the queue is kept short.
   */
  waitingForPlaces: { kind: JobKind; count: number }[];
};

/** Jobs of a kind in one of the states before the queue are counted so far: counting a backlog to its end takes longer than a scrape may. */
const MOST_COUNTED = 100_000;

/** An entry that no worker has claimed after this long has met workers that are busy. The way through the queue takes some milliseconds. */
const THROUGH_QUEUE_MS = 100;

/** Walks the index from lane to lane, as the feed does: a lane costs the same whether one job waits in it or a million. */
export const lanesWith = (condition: string) => `
  (SELECT lane_id FROM jobs WHERE ${condition} ORDER BY lane_id LIMIT 1)
  UNION ALL
  SELECT (SELECT j.lane_id FROM jobs j WHERE j.${condition} AND j.lane_id > w.lane_id ORDER BY j.lane_id LIMIT 1)`;

/** The jobs that wait in a lane's span, in the order of the index: without it, all of them could be read before the first is counted. */
export const JOBS_OF_SPAN = `
  FROM jobs j WHERE j.lane_id = span.lane_id AND j.queued_at IS NULL AND j.run_at > span.after AND j.run_at <= span.until ORDER BY j.run_at`;

/**
 * The lanes that have jobs with their states, and their spans of time, for statements that count in them or search the oldest.
 *
 * The kind of a job is that of its lane, and so is the state of a waiting one, but for its time: each lane has one span of time of the jobs that
 * are due and one of the others. A hold for all stops every connection. A lane that has a rate or a bucket is fed at its pace, and between two of
 * its jobs for a moment nothing holds it back: it counts as held back for a second after the last one.
 *
 * Jobs in flight are all read: however many wait, the caps of the lanes bound them.
 */
export const SPANS_OF_JOBS = `
    WITH RECURSIVE waiting_lanes AS (${lanesWith('queued_at IS NULL')} FROM waiting_lanes w WHERE w.lane_id IS NOT NULL
    ), lanes_in_flight AS (${lanesWith('queued_at IS NOT NULL')} FROM lanes_in_flight w WHERE w.lane_id IS NOT NULL
    ), stopped AS MATERIALIZED (
      SELECT unnest(ARRAY[c.lane_id, c.sync_lane_id]) AS lane_id FROM connections c
       WHERE EXISTS (SELECT FROM holds WHERE ended_at IS NULL AND user_id IS NULL)
          OR c.user_id IN (SELECT user_id FROM holds WHERE ended_at IS NULL AND user_id IS NOT NULL
                           UNION ALL SELECT user_id FROM connection_states WHERE state = 'login_required')
    ), in_flight AS MATERIALIZED (
      SELECT l.lane_id, job.kind::text, count(*) FILTER (WHERE lease_until IS NULL) AS queued, count(*) FILTER (WHERE lease_until IS NOT NULL) AS claimed,
             count(*) FILTER (WHERE lease_until IS NULL AND queued_at < now() - interval '${THROUGH_QUEUE_MS} milliseconds') AS crowded,
             min(run_at) FILTER (WHERE lease_until IS NULL) AS oldest
        FROM lanes_in_flight l CROSS JOIN LATERAL (
               SELECT * FROM jobs j WHERE j.lane_id = l.lane_id AND j.queued_at IS NOT NULL ORDER BY j.queued_at) job
       GROUP BY 1, 2
    ), lane AS MATERIALIZED (
      SELECT l.id, named.kind, free.places,
             CASE WHEN l.id IN (SELECT lane_id FROM stopped WHERE lane_id IS NOT NULL) THEN 'stopped'
                  WHEN l.open_until > now() OR l.next_slot > now() - interval '1 second' OR b.paused_until > now()
                    OR b.wanted_until > now() - interval '1 second' OR now() < ANY (b.next_slots) THEN 'held_back'
                  WHEN f.lane_id IS NOT NULL
                   AND (free.places = 0 OR named.kind NOT IN (SELECT kind FROM in_flight WHERE crowded > 0)) THEN 'held_back' ELSE 'due' END AS state
        FROM waiting_lanes w CROSS JOIN LATERAL (SELECT * FROM lanes WHERE lanes.id = w.lane_id OFFSET 0) l
        CROSS JOIN LATERAL (
          SELECT CASE WHEN l.kind = 'connection' THEN 'post_payment' WHEN l.kind = 'sync' THEN 'sync_connection' ELSE 'deliver_webhook' END AS kind) named
        LEFT JOIN rate_buckets b ON b.id = l.bucket_id
        LEFT JOIN in_flight f ON f.lane_id = l.id
        CROSS JOIN LATERAL (
          SELECT greatest(CASE WHEN l.failures >= ${CIRCUIT_THRESHOLD} THEN 1 ELSE ${PRESENT_CAP} END - coalesce(f.queued + f.claimed, 0), 0) AS places) free
    ), span AS MATERIALIZED (
      SELECT id AS lane_id, kind, state, '-infinity'::timestamptz AS after, now() AS until FROM lane
       UNION ALL SELECT id, kind, 'waiting', now(), 'infinity' FROM lane
    )`;

/** Counts the jobs of each kind and state, to be run by `measureJobs`. */
export const MEASURE_JOBS = {
  name: 'measure-jobs',
  text: `${SPANS_OF_JOBS}, measured AS (
      SELECT kind, state,
             (SELECT count(*) FROM (
                SELECT FROM span CROSS JOIN LATERAL (SELECT ${JOBS_OF_SPAN} LIMIT ${MOST_COUNTED}) job
                 WHERE span.kind = spans.kind AND span.state = spans.state LIMIT ${MOST_COUNTED}) jobs) AS count,
             CASE WHEN spans.state = 'due' AND spans.kind IN (SELECT kind FROM in_flight WHERE crowded > 0) THEN (
               SELECT coalesce(sum(fitting.jobs), 0) FROM lane CROSS JOIN LATERAL (
                 SELECT count(*) AS jobs FROM (
                   SELECT FROM jobs j WHERE j.lane_id = lane.id AND j.queued_at IS NULL AND j.run_at <= now() ORDER BY j.run_at LIMIT lane.places) first) fitting
                WHERE lane.kind = spans.kind AND lane.state = 'due') ELSE 0 END AS crowded,
             (SELECT min(job.run_at) FROM span CROSS JOIN LATERAL (SELECT j.run_at ${JOBS_OF_SPAN} LIMIT 1) job
               WHERE span.kind = spans.kind AND span.state = 'due' AND spans.state = 'due') AS oldest
        FROM (SELECT DISTINCT kind, state FROM span) spans
       UNION ALL
      SELECT kind, 'queued', sum(queued), sum(crowded), min(oldest) FROM in_flight GROUP BY 1
       UNION ALL
      SELECT kind, 'claimed', sum(claimed), 0, NULL FROM in_flight GROUP BY 1
    )
    SELECT kind, state, count::int, crowded::int, coalesce(extract(epoch FROM now() - oldest), 0)::float8 AS oldest FROM measured`,
};

type Row = JobMeasures['jobs'][number] & { crowded: number; oldest: number };

/** Measures the live jobs. What it reads grows with the lanes in which something waits, and not with the jobs that wait in them. */
export async function measureJobs(deps: StatementDeps): Promise<JobMeasures> {
  const rows = await query<Row>(deps, MEASURE_JOBS, []);
  const of = (kind: JobKind) => rows.filter((row) => row.kind === kind);
  return {
    jobs: JOB_KINDS.flatMap((kind) =>
      MEASURED_STATES.map((state) => ({
        kind,
        state,
        count: of(kind).find((row) => row.state === state)?.count ?? 0,
      })),
    ),
    oldestDue: JOB_KINDS.map((kind) => ({
      kind,
      seconds: Math.max(0, ...of(kind).map(({ oldest }) => oldest)),
    })),
    waitingForPlaces: JOB_KINDS.map((kind) => ({
      kind,
      count: of(kind).reduce((sum, { crowded }) => sum + crowded, 0),
    })),
  };
}
