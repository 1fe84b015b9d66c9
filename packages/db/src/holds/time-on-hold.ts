import { query, type StatementDeps } from '../core/statements.ts';

/** A condition that is true when a hold was on since then, for any user. @param since SQL for a time. */
export function heldSince(since: string): string {
  return `EXISTS (SELECT FROM holds WHERE ended_at IS NULL OR ended_at > ${since})`;
}

/**
 * Holds for all and holds for the user overlap, so their union counts. The bounds are put in order, because PostgreSQL refuses a
 * range whose end is before its beginning, and in a group of statements `now()` is the time of the group.
 */
const TIME = {
  name: 'time-on-hold',
  text: `
    SELECT coalesce(extract(epoch FROM sum(upper(period) - lower(period))), 0)::float8 * 1000 AS ms
      FROM unnest((
        SELECT range_agg(tstzrange(greatest(started_at, $2::timestamptz), greatest(started_at, $2::timestamptz, least(ended_at, now()))))
          FROM holds WHERE (user_id IS NULL OR user_id = $1::int) AND (ended_at IS NULL OR ended_at > $2::timestamptz)
      )) AS period`,
};

/** Returns for how long, in milliseconds, the user's postings have been on hold since then. */
export async function timeOnHold(
  deps: StatementDeps,
  { userId, since }: { userId: number; since: Date },
): Promise<number> {
  const [row] = await query<{ ms: number }>(deps, TIME, [userId, since]);
  return row?.ms ?? 0;
}
