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
      FROM payments p CROSS JOIN LATERAL unnest((
        SELECT range_agg(tstzrange(greatest(h.started_at, p.tried_since),
                                   greatest(h.started_at, p.tried_since, least(h.ended_at, now()))))
          FROM holds h
         WHERE (h.user_id IS NULL OR h.user_id = p.user_id) AND (h.ended_at IS NULL OR h.ended_at > p.tried_since)
      )) AS period
     WHERE p.id = $1`,
};

/** Returns for how long, in milliseconds, the payment has been on hold since its retry horizon began. @param input.paymentId a uuid. */
export async function timeOnHold(deps: StatementDeps, { paymentId }: { paymentId: string }): Promise<number> {
  const [row] = await query<{ ms: number }>(deps, TIME, [paymentId]);
  return row?.ms ?? 0;
}
