import { query, type StatementDeps } from '../core/statements.ts';

/** What keeps PostgreSQL from removing its write-ahead log (WAL), which can fill the disk until nothing is accepted any more. */
export type WalMeasures = {
  /** Bytes that the replication slot which is furthest behind keeps; 0 without slots. */
  keptForSlots: number;
  /** True when the last segment that was to be archived was not. Always false where nothing is archived. */
  archiveFails: boolean;
};

/**
 * Any role may read both views. None can read how much room the disk has: a node_exporter beside the server can.
 * https://www.postgresql.org/docs/current/view-pg-replication-slots.html
 */
const WAL = {
  name: 'measure-wal',
  text: `
    SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE
             coalesce((SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) FROM pg_replication_slots), 0) END::float8 AS "keptForSlots",
           coalesce((SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver), false) AS "archiveFails"`,
};

/** Measures the WAL that cannot be removed. */
export async function measureWal(deps: StatementDeps): Promise<WalMeasures> {
  const [row] = await query<WalMeasures>(deps, WAL, []);
  return row ?? { keptForSlots: 0, archiveFails: false };
}
