import { query, type StatementDeps } from '../core/statements.ts';

/** How far ahead one of the five tables has partitions, and what is in none of them. */
export type PartitionCover = {
  table: string;
  /** Days from now on; negative when the last partition has ended. */
  daysAhead: number;
  /** Rows in the default partition for which one should have been made, counted to 1,000. */
  defaultRows: number;
};

const COVER = {
  name: 'partition-cover',
  text: `
    SELECT of_table AS "table", extract(epoch FROM covered_until - now())::float8 / 86400 AS "daysAhead", default_rows AS "defaultRows"
      FROM partition_cover()`,
};

/** Measures the partitions of the five tables that grow. It reads the catalogue and the default partitions, which are empty. */
export async function partitionCover(deps: StatementDeps): Promise<PartitionCover[]> {
  return query<PartitionCover>(deps, COVER, []);
}

const LOCK_ROOM = {
  name: 'lock-room',
  text: `
    SELECT (SELECT count(*)::int FROM pg_inherits WHERE inhparent = 'payments'::regclass) AS partitions,
           current_setting('max_locks_per_transaction')::int AS locks`,
};

/** Reads how many partitions `payments` has, and the server's `max_locks_per_transaction`. */
export async function lockRoom(deps: StatementDeps): Promise<{ partitions: number; locks: number }> {
  const [row] = await query<{ partitions: number; locks: number }>(deps, LOCK_ROOM, []);
  if (row === undefined) throw new Error('the server did not return its settings');
  return row;
}
