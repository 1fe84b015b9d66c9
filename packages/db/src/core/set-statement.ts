/** The types of PostgreSQL that an input's column can have. */
type ColumnType =
  | 'bigint'
  | 'int'
  | 'smallint'
  | 'float8'
  | 'bool'
  | 'text'
  | 'timestamptz'
  | 'payment_status';

/** The claim that an input is about. Every input has these columns. */
type ClaimColumns = { job_id: 'bigint'; fence: 'int' };

/**
 * A statement about the claim of one job that also runs for many at once. Both texts are made from one, so that a rule is written
 * once: `set` takes an array for each column, and gives a row with its `job_id` for each input that took effect.
 */
export type SetStatement<Column extends string = string> = {
  single: { name: string; text: string };
  set: { name: string; text: string };
  /** The input's values in the order of the parameters. Takes each of the columns and no other. */
  values(given: Record<Column, unknown>): unknown[];
};

/** Runs the inputs of set statements, those that come together as one. */
export type SetRunner = {
  /**
   * @param options.turn an input that comes alone runs in the turn with this number, if nobody has it: `HAS_TURN` is then true.
   * @returns the input's row, after the commit; undefined when the claim is not the job's present one.
   */
  run<Row>(
    statement: SetStatement,
    values: unknown[],
    options?: { turn?: number | undefined },
  ): Promise<Row | undefined>;
};

/**
 * Condition of the join of a table with a CTE by a key of the table. With `key = column` alone, the planner may read the whole table and look
 * each row up in the CTE. It does that when its statistics say that the table is nearly empty, and goes on with it while the table fills: the
 * jobs are few whenever the work is done, and so are the rows of a new partition. The keys as an array are a condition on the table alone,
 * for which it always uses the index.
 *
 * In a partitioned table the array is looked up in each partition. Bounds by sub-selects would prune them while the statement runs, and a
 * PostgreSQL 18.4 crashed in that (`perform_pruning_base_step`) when a settlement met other writers of its rows.
 *
 * @param key the table's column, the first one of an index.
 * @param keys a SELECT of all keys, from the CTE.
 * @param column the CTE's column.
 */
export const keyedBy = (key: string, keys: string, column: string): string =>
  `${key} = ANY (ARRAY(${keys})) AND ${key} = ${column}`;

/** Condition of the join of `jobs` with `asked`: the claim is the job's present one. */
export const CLAIMED = `${keyedBy('jobs.id', 'SELECT job_id FROM asked', 'asked.job_id')} AND jobs.fence = asked.fence`;

/**
 * A CTE with one row. A statement whose SELECT joins it does not wait until its commit is on disk: if the server crashes within the
 * next 0.6 s (three times `wal_writer_delay`), all that it did may be lost together, and with it what was committed after it and did
 * not wait either. Only for what may be lost: docs/decisions/0021-what-waits-for-the-disk.md.
 * https://www.postgresql.org/docs/current/wal-async-commit.html
 */
export const UNSYNCED = `unsynced AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))`;

/**
 * Compiles a statement about one job's claim to one for a single input and one for a set.
 *
 * Both begin with a CTE `asked` that has the columns. In the single one it is a row of parameters, which the planner puts in place of
 * each reference. In the set it has locked the jobs with these fences in the order of their numbers, before the text changes one of
 * them: so two sets, or a set and whatever else locks jobs in this order, wait for each other and never deadlock. The text itself
 * still says `CLAIMED`, so that no statement relies on the other half for its fence.
 *
 * @param input.columns all columns of an input with their types. `job_id` and `fence` come first.
 * @param input.text the CTEs after `asked` and the SELECT. It returns `job_id`, and at most one row for each input. A function of it gives
 *   the text for a single input, and the one for a set.
 */
export function setStatement<const Columns extends ClaimColumns & Record<string, ColumnType>>(input: {
  name: string;
  columns: Columns;
  text: string | ((form: 'single' | 'set') => string);
}): SetStatement<keyof Columns & string> {
  const { name, columns, text } = input;
  const textOf = (form: 'single' | 'set') => (typeof text === 'string' ? text : text(form));
  const names = Object.keys(columns) as (keyof Columns & string)[];
  const row = names.map((column, index) => `$${index + 1}::${columns[column]} AS ${column}`);
  const arrays = names.map((column, index) => `$${index + 1}::${columns[column]}[]`);
  return {
    single: { name, text: `WITH asked AS NOT MATERIALIZED (SELECT ${row.join(', ')}), ${textOf('single')}` },
    set: {
      name: `${name}-set`,
      text: `
    WITH asked AS MATERIALIZED (
      SELECT asked.* FROM unnest(${arrays.join(', ')}) AS asked(${names.join(', ')})
        JOIN jobs ON ${keyedBy('jobs.id', 'SELECT unnest($1::bigint[])', 'asked.job_id')} AND jobs.fence = asked.fence ORDER BY jobs.id FOR UPDATE OF jobs
    ), ${textOf('set')}`,
    },
    values: (given) => names.map((column) => given[column]),
  };
}
