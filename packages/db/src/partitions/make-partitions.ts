import { query, type StatementDeps } from '../core/statements.ts';

/** The tables that grow with every payment. Payments come first: the others get the partitions that payments has. */
export const PARTITIONED = [
  'payments',
  'posting_attempts',
  'events',
  'deliveries',
  'delivery_attempts',
] as const;

const MAKE = { name: 'make-partition', text: 'SELECT make_partition($1, $2, $3) AS made' };

/** `refused`: the error of each table whose partitions could not all be made. The next call goes on with it. */
export type MadePartitions = { made: string[]; refused: { table: string; error: unknown }[] };

/**
 * Makes the partitions of the next days, one in each commit. When another process does the same, this one leaves it to that. A table that
 * refuses does not keep the others from theirs.
 *
 * @param input.widthDays the days of a partition that is made now. Those that are there keep their width.
 * @param input.aheadDays the days from now on that have to be covered.
 * @returns the names of those that were made, and DatabaseUnavailableError also for a table that was not free in time.
 */
export async function makePartitions(
  deps: StatementDeps,
  { widthDays, aheadDays }: { widthDays: number; aheadDays: number },
): Promise<MadePartitions> {
  const result: MadePartitions = { made: [], refused: [] };
  for (const table of PARTITIONED) {
    try {
      for (;;) {
        const [row] = await query<{ made: string | null }>(deps, MAKE, [table, widthDays, aheadDays]);
        const made = row?.made ?? null;
        if (made === null) break;
        result.made.push(made);
      }
    } catch (error) {
      result.refused.push({ table, error });
    }
  }
  return result;
}
