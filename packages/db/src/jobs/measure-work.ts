import { query, type StatementDeps } from '../core/statements.ts';
import type { HealthState } from '../health/next-state.ts';
import { type PartitionCover, partitionCover } from '../partitions/partition-cover.ts';
import { countEndedLogins } from '../tokens/ended-logins.ts';
import { JOB_KINDS, type JobKind } from './job-kinds.ts';
import { CONFIRMED_FOR_MS, USUAL_CAP } from './lane-cap.ts';

/** Numbers of waiting and stuck work, for the operator's graphs. */
export type WorkMeasures = {
  /** `stopped`: due, and behind a hold or a broken login. */
  jobs: {
    kind: JobKind;
    state: 'waiting' | 'stopped' | 'due' | 'queued' | 'claimed';
    count: number;
  }[];
  /** Seconds that the oldest due job of a kind has waited to be handed to the queue or claimed. Those that are `stopped` do not count. */
  oldestDue: { kind: JobKind; seconds: number }[];
  /** Open payments whose last tries, `REPEATING` or more, all had the same answer. */
  repeating: number;
  /** Endpoints that get more or fewer deliveries at once than usual. */
  adaptedCaps: { cap: 'raised' | 'lowered'; count: number }[];
  openCircuits: { kind: 'connection' | 'endpoint'; count: number }[];
  /** Holds that are on: for all users (at most one), and for single users. */
  holds: { scope: 'all' | 'user'; count: number }[];
  /** Logins at EMRs that have ended: their payments wait until a person has logged in again. */
  endedLogins: number;
  /** Connections by their state. */
  connections: { state: HealthState; count: number }[];
  /** Vendors' limits of requests: `paused` by the vendor, `used_up` by calls, or `free` for the next one. */
  buckets: { state: 'free' | 'used_up' | 'paused'; count: number }[];
  /** How far ahead the growing tables have partitions, and what is in none of them. */
  partitions: PartitionCover[];
};

/** From this many identical answers in a row on, a payment counts as one that an operator should look at. */
export const REPEATING = 10;

/** The lanes are read as a whole, and not for each job: a hold for all stops every connection. */
const JOBS = {
  name: 'measure-jobs',
  text: `
    WITH stopped AS MATERIALIZED (
      SELECT unnest(ARRAY[c.lane_id, c.sync_lane_id]) AS lane_id FROM connections c
       WHERE EXISTS (SELECT FROM holds WHERE ended_at IS NULL AND user_id IS NULL)
          OR c.user_id IN (SELECT user_id FROM holds WHERE ended_at IS NULL AND user_id IS NOT NULL
                           UNION ALL SELECT user_id FROM connection_states WHERE state = 'login_required')
    ), live AS (
      SELECT kind, same_answers, run_at,
             CASE WHEN lease_until IS NOT NULL THEN 'claimed' WHEN queued_at IS NOT NULL THEN 'queued' WHEN run_at > now() THEN 'waiting'
                  WHEN lane_id IN (SELECT lane_id FROM stopped WHERE lane_id IS NOT NULL) THEN 'stopped' ELSE 'due' END AS state
        FROM jobs
    )
    SELECT kind, state, count(*)::int AS count,
           count(*) FILTER (WHERE kind = 'post_payment' AND same_answers >= ${REPEATING})::int AS repeating,
           coalesce(max(extract(epoch FROM now() - run_at)) FILTER (WHERE state IN ('due', 'queued') AND run_at <= now()), 0)::float8 AS oldest
      FROM live GROUP BY 1, 2`,
};

const CIRCUITS = {
  name: 'measure-circuits',
  text: `SELECT kind, count(*) FILTER (WHERE open_until > now())::int AS count FROM lanes WHERE kind <> 'sync' GROUP BY 1`,
};

const CAPS = {
  name: 'measure-caps',
  text: `
    SELECT state.name AS cap, count(k.lane_id)::int AS count
      FROM (VALUES ('raised'), ('lowered')) AS state(name)
      LEFT JOIN lane_caps k ON k.cap <> ${USUAL_CAP} AND (k.cap > ${USUAL_CAP}) = (state.name = 'raised')
                           AND k.confirmed_at > now() - interval '${CONFIRMED_FOR_MS} milliseconds' GROUP BY 1`,
};

const HOLDS = {
  name: 'measure-holds',
  text: `
    SELECT scope.name AS scope, count(h.id)::int AS count
      FROM (VALUES ('all'), ('user')) AS scope(name)
      LEFT JOIN holds h ON h.ended_at IS NULL AND (h.user_id IS NULL) = (scope.name = 'all') GROUP BY 1`,
};

/** A connection without a row has had no exchange so far, and counts as connected. Those of disabled users and clients post nothing. */
const CONNECTIONS = {
  name: 'measure-connections',
  text: `
    SELECT state.name AS state, coalesce(counts.n, 0)::int AS count
      FROM unnest(enum_range(NULL::connection_health)) AS state(name)
      LEFT JOIN (SELECT coalesce(s.state, 'connected') AS state, count(*) AS n
                   FROM connections c JOIN users u ON u.id = c.user_id AND u.disabled_at IS NULL
                   JOIN clients client ON client.id = u.client_pk AND client.disabled_at IS NULL
                   LEFT JOIN connection_states s ON s.user_id = c.user_id GROUP BY 1) counts ON counts.state = state.name`,
};

const BUCKETS = {
  name: 'measure-buckets',
  text: `
    SELECT state.name AS state, count(b.id)::int AS count
      FROM (VALUES ('free'), ('used_up'), ('paused')) AS state(name)
      LEFT JOIN rate_buckets b ON state.name = CASE WHEN b.paused_until > now() THEN 'paused' WHEN now() < ANY (b.next_slots) THEN 'used_up' ELSE 'free' END
     GROUP BY 1`,
};

type JobRow = WorkMeasures['jobs'][number] & { oldest: number; repeating: number };

/** Measures the live work. It reads the jobs, lanes, holds, access tokens, connections, buckets and the catalogue only, so its cost does not grow with the payments of the past. */
export async function measureWork(deps: StatementDeps): Promise<WorkMeasures> {
  const [jobs, adaptedCaps, openCircuits, holds, endedLogins, connections, buckets, partitions] =
    await Promise.all([
      query<JobRow>(deps, JOBS, []),
      query<WorkMeasures['adaptedCaps'][number]>(deps, CAPS, []),
      query<WorkMeasures['openCircuits'][number]>(deps, CIRCUITS, []),
      query<WorkMeasures['holds'][number]>(deps, HOLDS, []),
      countEndedLogins(deps),
      query<WorkMeasures['connections'][number]>(deps, CONNECTIONS, []),
      query<WorkMeasures['buckets'][number]>(deps, BUCKETS, []),
      partitionCover(deps),
    ]);
  return {
    jobs: jobs.map(({ kind, state, count }) => ({ kind, state, count })),
    oldestDue: JOB_KINDS.map((kind) => ({
      kind,
      seconds: Math.max(0, ...jobs.filter((row) => row.kind === kind).map((row) => row.oldest)),
    })),
    repeating: jobs.reduce((sum, row) => sum + row.repeating, 0),
    adaptedCaps,
    openCircuits,
    holds,
    endedLogins,
    connections,
    buckets,
    partitions,
  };
}
