import type { Database } from '../core/database.ts';
import { unavailableAsSuch } from '../core/statements.ts';
import { onOneConnection } from '../core/transaction.ts';

/** Longest time of one call: it reads the deliveries of a partition once, before it locks anything. */
const LONGEST_MS = 5 * 60_000;

/** While partitions are not made ahead none is dropped: `make_partition` goes on from the last one. */
const DROP = `
  SELECT CASE WHEN (SELECT min(covered_until) > now() FROM partition_cover()) THEN drop_event_partitions($1) ELSE '{}' END AS dropped`;

/**
 * Drops the events of the oldest range of time that are past their retention, with their deliveries and attempts: the partitions of
 * all three tables, or none. What is still needed is left alone: the migration `partition_life` has the rules.
 *
 * @param input.days how long events are kept; 4 at least. A range is dropped when its last event is older than that and a day.
 * @returns the names of the partitions; empty when there was nothing to drop, or not now.
 */
export async function dropEventPartitions(
  deps: { database: Pick<Database, 'pool'> },
  { days }: { days: number },
): Promise<string[]> {
  return onOneConnection(deps, async (client) => {
    // The connection is closed afterwards, and its time-out with it.
    await unavailableAsSuch(client.query(`SET statement_timeout = ${LONGEST_MS}`));
    // A statement of its own, and no transaction: its locks end with it, whatever becomes of this process.
    const asked = client.query<{ dropped: string[] }>({
      text: DROP,
      values: [days],
      query_timeout: LONGEST_MS + 1_000,
    } as { text: string; values: unknown[] });
    const { rows } = await unavailableAsSuch(asked);
    return rows[0]?.dropped ?? [];
  });
}
