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
