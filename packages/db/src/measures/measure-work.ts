import { query, type StatementDeps } from '../core/statements.ts';
import type { HealthState } from '../health/next-state.ts';
import { CONFIRMED_FOR_MS, USUAL_CAP } from '../jobs/lane-cap.ts';
import { findLossInDoubt } from '../lineage/lineage-statements.ts';
import { type PartitionCover, partitionCover } from '../partitions/partition-cover.ts';
import { countRepeating } from './count-repeating.ts';
import { countReviews } from './count-reviews.ts';
import { type JobMeasures, measureJobs } from './measure-jobs.ts';
import { measureWal, type WalMeasures } from './measure-wal.ts';

/** Numbers of waiting and stuck work, for the operator's graphs. */
export type WorkMeasures = JobMeasures & {
  /** Payments that wait for a person, counted to 1,000. */
  reviews: number;
  /** Open payments whose last tries, `REPEATING` or more, all had the same answer, counted to 1,000. */
  repeating: number;
  /** Endpoints that get more or fewer deliveries at once than usual. */
  adaptedCaps: { cap: 'raised' | 'lowered'; count: number }[];
  openCircuits: { kind: 'connection' | 'endpoint'; count: number }[];
  /** Holds that are on: for all users (at most one), and for single users. */
  holds: { scope: 'all' | 'user'; count: number }[];
  /** It is undecided whether the database has lost commits. */
  lossInDoubt: boolean;
  /** Connections whose login at the EMR has ended: their payments wait until a person has logged in again. */
  endedLogins: number;
  /** Connections by their state. */
  connections: { state: HealthState; count: number }[];
  /** Vendors' limits of requests: `paused` by the vendor, `used_up` by calls, or `free` for the next one. */
  buckets: { state: 'free' | 'used_up' | 'paused'; count: number }[];
  /** How far ahead the growing tables have partitions, and what is in none of them. */
  partitions: PartitionCover[];
  wal: WalMeasures;
};

const CIRCUITS = {
  name: 'measure-circuits',
  text: `
    SELECT kind.name AS kind, count(l.id)::int AS count
      FROM (VALUES ('connection'), ('endpoint')) AS kind(name)
      LEFT JOIN lanes l ON l.kind::text = kind.name AND l.open_until > now() GROUP BY 1`,
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

/** Users who are not disabled, nor their clients: nobody has to do anything for the others. */
const ENABLED = `
  JOIN users u ON u.id = c.user_id AND u.disabled_at IS NULL
  JOIN clients client ON client.id = u.client_pk AND client.disabled_at IS NULL`;

/** A login that was replaced counts again once the EMR has rejected the new one, too, which stops the calls again. */
const ENDED_LOGINS = {
  name: 'measure-ended-logins',
  text: `
    SELECT count(*)::int AS n FROM connection_states c ${ENABLED}
     WHERE c.state = 'login_required' AND c.last_trouble_code = 'login_required' AND (NOT c.saved_since_broken OR c.stopped_until > now())`,
};

/** A connection without a row has had no exchange so far, and counts as connected. */
const CONNECTIONS = {
  name: 'measure-connections',
  text: `
    SELECT state.name AS state, coalesce(counts.n, 0)::int AS count
      FROM unnest(enum_range(NULL::connection_health)) AS state(name)
      LEFT JOIN (SELECT coalesce(s.state, 'connected') AS state, count(*) AS n
                   FROM connections c ${ENABLED}
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

/**
 * Measures the live work, one statement after the other: a scrape takes one connection from those that work. It reads the jobs, lanes, holds,
 * connections, buckets, open reviews and the catalogue only, so its cost does not grow with the payments of the past.
 */
export async function measureWork(deps: StatementDeps): Promise<WorkMeasures> {
  return {
    ...(await measureJobs(deps)),
    reviews: await countReviews(deps),
    repeating: await countRepeating(deps),
    adaptedCaps: await query<WorkMeasures['adaptedCaps'][number]>(deps, CAPS, []),
    openCircuits: await query<WorkMeasures['openCircuits'][number]>(deps, CIRCUITS, []),
    holds: await query<WorkMeasures['holds'][number]>(deps, HOLDS, []),
    lossInDoubt: (await findLossInDoubt(deps)) !== null,
    endedLogins: (await query<{ n: number }>(deps, ENDED_LOGINS, []))[0]?.n ?? 0,
    connections: await query<WorkMeasures['connections'][number]>(deps, CONNECTIONS, []),
    buckets: await query<WorkMeasures['buckets'][number]>(deps, BUCKETS, []),
    partitions: await partitionCover(deps),
    wal: await measureWal(deps),
  };
}
