import { query, type StatementDeps } from '../core/statements.ts';
import type { LaneCap } from './read-lane-caps.ts';

/** The new values of a lane, and the version that it was read with. */
export type LaneCapChange = { laneId: number; version: string; next: LaneCap };

/**
 * Writes caps by compare-and-set, in the order of the lanes' numbers: so workers that write the same lanes never deadlock. It locks
 * no row of `lanes` against anything but its deletion, and is its own transaction.
 */
const WRITE = {
  name: 'write-lane-caps',
  text: `
    INSERT INTO lane_caps AS old (lane_id, cap, base_cap, base_throughput, changed_at, confirmed_at, resting_until,
                                  round_began_at, round_busy_ms, round_delivered, round_delivered_ms, version)
    SELECT lane_id, cap, base_cap, base_throughput, changed_at, confirmed_at, resting_until,
           round_began_at, round_busy_ms, round_delivered, round_delivered_ms, version + 1
      FROM jsonb_to_recordset($1) AS change(
             lane_id int, cap smallint, base_cap smallint, base_throughput float8, changed_at timestamptz, confirmed_at timestamptz,
             resting_until timestamptz, round_began_at timestamptz, round_busy_ms float8, round_delivered int,
             round_delivered_ms float8, version bigint)
     ORDER BY lane_id
    ON CONFLICT (lane_id) DO UPDATE
       SET cap = excluded.cap, base_cap = excluded.base_cap, base_throughput = excluded.base_throughput,
           changed_at = excluded.changed_at, confirmed_at = excluded.confirmed_at, resting_until = excluded.resting_until,
           round_began_at = excluded.round_began_at, round_busy_ms = excluded.round_busy_ms,
           round_delivered = excluded.round_delivered, round_delivered_ms = excluded.round_delivered_ms, version = excluded.version
     WHERE old.version = excluded.version - 1
    RETURNING lane_id AS "laneId"`,
};

/**
 * Stores the caps of lanes that no other worker has changed since they were read.
 *
 * @returns the lanes that were written. What a worker has measured of the others is still to be counted.
 */
export async function writeLaneCaps(
  deps: StatementDeps,
  { changes }: { changes: readonly LaneCapChange[] },
): Promise<Set<number>> {
  const rows = changes.map(({ laneId, version, next }) => ({
    lane_id: laneId,
    cap: next.cap,
    base_cap: next.base?.cap ?? null,
    base_throughput: next.base?.throughput ?? null,
    changed_at: next.changedAt,
    confirmed_at: next.confirmedAt,
    resting_until: next.restingUntil,
    round_began_at: next.round?.beganAt ?? null,
    round_busy_ms: next.round?.busyMs ?? 0,
    round_delivered: next.round?.delivered ?? 0,
    round_delivered_ms: next.round?.deliveredMs ?? 0,
    version,
  }));
  const written = await query<{ laneId: number }>(deps, WRITE, [JSON.stringify(rows)]);
  return new Set(written.map(({ laneId }) => laneId));
}
