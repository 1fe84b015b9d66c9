import type { Actor } from '../audit/entry.ts';
import { unavailableAsSuch } from '../core/statements.ts';
import type { OwnerSession } from './owner-session.ts';

/** Reasons that keep a range from being archived, with counts. The migration `partition_life` has the rules. */
export type Obstacles = Record<string, number>;

export type ArchiveRangeOutcome =
  /** The rows of each partition that was moved, by its name. */
  | { outcome: 'archived'; rows: Record<string, number> }
  | { outcome: 'refused'; obstacles: Obstacles }
  /** The tables were not free in time, or another process makes, drops or archives partitions. Nothing was changed. */
  | { outcome: 'busy' };

/**
 * Detaches the partitions of one range and moves them to the schema `archive`, in one commit with the entry of the audit log. One
 * statement does everything, so that no lock waits for an answer of this process.
 *
 * @param input.upto where the range ends.
 */
export async function archiveRange(
  { client }: OwnerSession,
  { upto, by }: { upto: Date; by: Actor },
): Promise<ArchiveRangeOutcome> {
  const asked = client.query<{ outcome: ArchiveRangeOutcome }>(
    'SELECT archive_range($1, $2, $3) AS outcome',
    [upto, by.actor, by.source],
  );
  const { rows } = await unavailableAsSuch(asked);
  if (rows[0] === undefined) throw new Error('the server did not answer');
  return rows[0].outcome;
}

/** Finds what keeps a range from being archived, and changes nothing. */
export async function findObstacles({ client }: OwnerSession, { upto }: { upto: Date }): Promise<Obstacles> {
  const { rows } = await unavailableAsSuch(
    client.query<{ obstacle: string; count: string }>(
      'SELECT obstacle, sum(count) AS count FROM archive_obstacles($1) GROUP BY 1 HAVING sum(count) > 0 ORDER BY 1',
      [upto],
    ),
  );
  return Object.fromEntries(rows.map(({ obstacle, count }) => [obstacle, Number(count)]));
}
