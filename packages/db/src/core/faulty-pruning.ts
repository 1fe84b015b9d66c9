/**
 * PostgreSQL with a fault of its run-time partition pruning: 18.0 to 18.6, and 19.0. A statement that locks rows, and had to look again at one
 * that another transaction was changing, frees what its later look-ups in partitioned tables still use. The server then crashes, or looks into
 * a wrong partition and finds nothing. https://github.com/postgres/postgres/commit/1b5dd3a of October 2026 mends it.
 */
const FAULTY = [
  { from: 180_000, to: 180_006 },
  { from: 190_000, to: 190_000 },
] as const;

/** @param version as PostgreSQL's `server_version_num`. */
export const prunesFaultily = (version: number): boolean =>
  FAULTY.some(({ from, to }) => version >= from && version <= to);

const IS_FAULTY = FAULTY.map(
  ({ from, to }) => `current_setting('server_version_num')::int BETWEEN ${from} AND ${to}`,
).join(' OR ');

/**
 * Switches pruning off for a session on such a server: every partition of a table is looked into, which takes longer, the more there are. Our
 * statements about jobs lock rows and look into partitioned tables, so none of them would be safe.
 */
export const PRUNE_SAFELY = `SELECT set_config('enable_partition_pruning', 'off', false) WHERE ${IS_FAULTY};`;
