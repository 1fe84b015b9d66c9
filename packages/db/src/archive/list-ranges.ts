import { escapeIdentifier } from 'pg';
import { unavailableAsSuch } from '../core/statements.ts';
import type { OwnerSession } from './owner-session.ts';

/** One of the five partitioned tables. */
export type PartitionedTable =
  | 'payments'
  | 'posting_attempts'
  | 'events'
  | 'deliveries'
  | 'delivery_attempts';

/** The partitions whose ids are of one range of time. */
export type PartitionRange = {
  /** null: from the first one on. */
  since: Date | null;
  /** Where it ends; the ids of this time are in the next range. */
  upto: Date;
  partitions: { table: PartitionedTable; name: string }[];
};

const RANGES = `
  SELECT nullif(since, '-infinity') AS since, upto, json_agg(json_build_object('table', of_table, 'name', name)) AS partitions
    FROM partition_ranges() WHERE upto <= $1 AND upto < (SELECT min(last) FROM (SELECT max(upto) AS last FROM partition_ranges() GROUP BY of_table) each)
   GROUP BY 1, 2 ORDER BY 2`;

/**
 * Lists the ranges that end at `before` at the latest, oldest first. The last one is left out, however old it is: `make_partition` goes on from there,
 * when no worker has made any for months.
 */
export async function listRanges(
  { client }: OwnerSession,
  { before }: { before: Date },
): Promise<PartitionRange[]> {
  const { rows } = await unavailableAsSuch(client.query<PartitionRange>(RANGES, [before]));
  const ranges = new Map<number, PartitionRange>();
  for (const row of rows) {
    const known = ranges.get(row.upto.getTime());
    // `_old` has no lower bound, and the first partitions of the events have another one.
    if (known === undefined) ranges.set(row.upto.getTime(), row);
    else known.partitions.push(...row.partitions);
  }
  return [...ranges.values()];
}

export type Measured = { rows: number; bytes: number };

/** Counts the rows of a partition, and the bytes of its rows and indexes. It reads the whole of it. */
export async function measurePartition(
  { client }: OwnerSession,
  { name }: { name: string },
): Promise<Measured> {
  const table = escapeIdentifier(name);
  const { rows } = await unavailableAsSuch(
    client.query<{ rows: string; bytes: string }>(
      `SELECT count(*) AS rows, pg_total_relation_size($1::regclass) AS bytes FROM public.${table}`,
      [`public.${table}`],
    ),
  );
  return { rows: Number(rows[0]?.rows), bytes: Number(rows[0]?.bytes) };
}
