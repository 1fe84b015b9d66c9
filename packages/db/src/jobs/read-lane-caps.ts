import { query, type StatementDeps } from '../core/statements.ts';
import { CONFIRMED_FOR_MS, PRESENT_CAP } from './lane-cap.ts';
import { CIRCUIT_THRESHOLD } from './lane-circuit.ts';

/** The row of the present cap of an endpoint's lane: model `LaneCap`. */
export type LaneCap = {
  cap: number;
  base: { cap: number; throughput: number } | null;
  changedAt: Date;
  confirmedAt: Date;
  restingUntil: Date | null;
  round: { beganAt: Date; busyMs: number; delivered: number; deliveredMs: number } | null;
};

/** An endpoint's lane as it is now. */
export type LaneNow = {
  laneId: number;
  /** The most that its cap can become. */
  most: number;
  /** Jobs in flight, over all workers. */
  inFlight: number;
  /** True when a due job waits only because the cap is reached. */
  full: boolean;
  /** The row; null when there is none, or nothing has confirmed it for a minute. */
  stored: LaneCap | null;
  /** The number of the last write; '0' when there was none. */
  version: string;
};

export type LanesNow = {
  /** The time of the database, by which all workers reckon. */
  now: Date;
  /** True when entries of deliveries wait in the queue because the workers have no time or no slot for them. */
  crowded: boolean;
  lanes: LaneNow[];
};

/** An entry that no worker has claimed after this long has met workers that are busy. The way through the queue takes some milliseconds. */
const CROWDED_MS = 100;

const READ = {
  name: 'read-lane-caps',
  text: `
    SELECT l.id, l.concurrency AS most, flight.n AS in_flight,
           waits.due AND l.failures < ${CIRCUIT_THRESHOLD} AND (l.open_until IS NULL OR l.open_until <= now())
             AND (l.rate_per_second IS NULL OR flight.n >= ${PRESENT_CAP}) AS full,
           c.confirmed_at > now() - interval '${CONFIRMED_FOR_MS} milliseconds' AS confirmed, c.cap, c.base_cap, c.base_throughput,
           c.changed_at, c.confirmed_at, c.resting_until, c.round_began_at, c.round_busy_ms, c.round_delivered, c.round_delivered_ms,
           coalesce(c.version, 0)::text AS version
      FROM lanes l LEFT JOIN lane_caps c ON c.lane_id = l.id
           CROSS JOIN LATERAL (SELECT count(*)::int AS n FROM jobs f WHERE f.lane_id = l.id AND f.queued_at IS NOT NULL) flight
           CROSS JOIN LATERAL (
             SELECT EXISTS (SELECT FROM jobs j WHERE j.lane_id = l.id AND j.queued_at IS NULL AND j.run_at <= now()) AS due) waits
     WHERE l.id = ANY ($1::int[]) AND l.kind = 'endpoint'`,
};

const CROWD = {
  name: 'measure-crowd',
  text: `
    SELECT now() AS now, EXISTS (
      SELECT FROM jobs WHERE queued_at < now() - interval '${CROWDED_MS} milliseconds' AND lease_until IS NULL AND kind = 'deliver_webhook'
    ) AS crowded`,
};

type Row = {
  id: number;
  most: number;
  in_flight: number;
  full: boolean;
  version: string;
} & (
  | { confirmed: null | false }
  | {
      confirmed: true;
      cap: number;
      base_cap: number | null;
      base_throughput: number | null;
      changed_at: Date;
      confirmed_at: Date;
      resting_until: Date | null;
      round_began_at: Date | null;
      round_busy_ms: number;
      round_delivered: number;
      round_delivered_ms: number;
    }
);

function storedOf(row: Row): LaneCap | null {
  if (row.confirmed !== true) return null;
  const { base_cap: baseCap, base_throughput: throughput, round_began_at: beganAt } = row;
  return {
    cap: row.cap,
    base: baseCap === null || throughput === null ? null : { cap: baseCap, throughput },
    changedAt: row.changed_at,
    confirmedAt: row.confirmed_at,
    restingUntil: row.resting_until,
    round:
      beganAt === null
        ? null
        : {
            beganAt,
            busyMs: row.round_busy_ms,
            delivered: row.round_delivered,
            deliveredMs: row.round_delivered_ms,
          },
  };
}

/** Reads the caps of lanes, and what deciding about them needs. Lanes of connections are left out: their caps are fixed. */
export async function readLaneCaps(
  deps: StatementDeps,
  { laneIds }: { laneIds: readonly number[] },
): Promise<LanesNow> {
  const [rows, crowd] = await Promise.all([
    query<Row>(deps, READ, [laneIds]),
    query<{ now: Date; crowded: boolean }>(deps, CROWD, []),
  ]);
  const [{ now, crowded } = { now: new Date(), crowded: true }] = crowd;
  const lanes = rows.map((row) => ({
    laneId: row.id,
    most: row.most,
    inFlight: row.in_flight,
    full: row.full,
    stored: storedOf(row),
    version: row.version,
  }));
  return { now, crowded, lanes };
}
