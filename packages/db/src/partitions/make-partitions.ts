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

/**
 * Makes the partitions of the next days, one in each commit. When another process does the same, this one leaves it to that.
 *
 * @param input.widthDays the days of a partition that is made now. Those that are there keep their width.
 * @param input.aheadDays the days from now on that have to be covered.
 * @returns the names of those that were made.
 * @throws DatabaseUnavailableError also when a table was not free in time: then the next call goes on.
 */
export async function makePartitions(
  deps: StatementDeps,
  { widthDays, aheadDays }: { widthDays: number; aheadDays: number },
): Promise<string[]> {
  const names: string[] = [];
  for (const table of PARTITIONED) {
    for (;;) {
      const [row] = await query<{ made: string | null }>(deps, MAKE, [table, widthDays, aheadDays]);
      const made = row?.made ?? null;
      if (made === null) break;
      names.push(made);
    }
  }
  return names;
}
