import { query, type StatementDeps } from '../core/statements.ts';
import { JOB_KINDS, type JobKind } from '../jobs/job-kinds.ts';

/**
 * The states of a live job, for the operator's graphs. All but `waiting` and the last two are due.
 * - `waiting`: its time has not come.
 * - `stopped`: behind a hold or a broken login.
 * - `held_back`: behind other jobs of its lane that are in flight, an open circuit, or a limit of requests. More workers change nothing.
 * - `due`: nothing holds it back, so the relay feeds it within a second.
 * - `queued`: handed to the queue. - `claimed`: a worker has it.
 */
const MEASURED_STATES = ['waiting', 'stopped', 'held_back', 'due', 'queued', 'claimed'] as const;
export type MeasuredState = (typeof MEASURED_STATES)[number];

export type JobMeasures = {
  /** Every kind in every state, with 0 where there is none. */
  jobs: { kind: JobKind; state: MeasuredState; count: number }[];
  /** Seconds that the oldest job of a kind which nothing holds back has waited for a worker: one that is `due`, or queued and not claimed. */
  oldestDue: { kind: JobKind; seconds: number }[];
  /**
   * Jobs that their lanes have room for, that have been handed to the queue, and that no worker has claimed after the time that the way
   * through the queue takes: the places of all workers are taken. With more places they would be under work.
   */
  waitingForPlaces: { kind: JobKind; count: number }[];
  /** Open payments whose last tries, `REPEATING` or more, all had the same answer. */
  repeating: number;
};

/** From this many identical answers in a row on, a payment counts as one that an operator should look at. */
export const REPEATING = 10;

/** An entry that no worker has claimed after this long has met workers that are busy. The way through the queue takes some milliseconds. */
const THROUGH_QUEUE_MS = 100;

/**
 * The lanes are read as a whole, and not for each job: a hold for all stops every connection. A lane that has a rate or a bucket is fed
 * at its pace, and between two of its jobs for a moment nothing holds it back: it counts as held back for a second after the last one.
 */
const JOBS = {
  name: 'measure-jobs',
  text: `
    WITH stopped AS MATERIALIZED (
      SELECT unnest(ARRAY[c.lane_id, c.sync_lane_id]) AS lane_id FROM connections c
       WHERE EXISTS (SELECT FROM holds WHERE ended_at IS NULL AND user_id IS NULL)
          OR c.user_id IN (SELECT user_id FROM holds WHERE ended_at IS NULL AND user_id IS NOT NULL
                           UNION ALL SELECT user_id FROM connection_states WHERE state = 'login_required')
    ), held_back AS MATERIALIZED (
      SELECT lane_id FROM jobs WHERE queued_at IS NOT NULL
      UNION
      SELECT l.id FROM lanes l LEFT JOIN rate_buckets b ON b.id = l.bucket_id
       WHERE l.open_until > now() OR l.next_slot > now() - interval '1 second'
          OR b.paused_until > now() OR b.wanted_until > now() - interval '1 second' OR now() < ANY (b.next_slots)
    ), live AS (
      SELECT kind, same_answers, run_at, queued_at,
             CASE WHEN lease_until IS NOT NULL THEN 'claimed' WHEN queued_at IS NOT NULL THEN 'queued' WHEN run_at > now() THEN 'waiting'
                  WHEN lane_id IN (SELECT lane_id FROM stopped WHERE lane_id IS NOT NULL) THEN 'stopped'
                  WHEN lane_id IN (SELECT lane_id FROM held_back) THEN 'held_back' ELSE 'due' END AS state
        FROM jobs
    )
    SELECT kind, state, count(*)::int AS count,
           count(*) FILTER (WHERE kind = 'post_payment' AND same_answers >= ${REPEATING})::int AS repeating,
           count(*) FILTER (WHERE state = 'queued' AND queued_at < now() - interval '${THROUGH_QUEUE_MS} milliseconds')::int AS crowded,
           coalesce(max(extract(epoch FROM now() - run_at)) FILTER (WHERE state IN ('due', 'queued')), 0)::float8 AS oldest
      FROM live GROUP BY 1, 2`,
};

type Row = JobMeasures['jobs'][number] & { crowded: number; oldest: number; repeating: number };

/** Measures the live jobs, in one read of them. */
export async function measureJobs(deps: StatementDeps): Promise<JobMeasures> {
  const rows = await query<Row>(deps, JOBS, []);
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
    repeating: rows.reduce((sum, row) => sum + row.repeating, 0),
  };
}
