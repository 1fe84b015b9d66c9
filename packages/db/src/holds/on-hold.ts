/** A condition that is true while posting for the user is on hold. @param user SQL for the user's internal id. */
export function onHold(user: string): string {
  return `EXISTS (SELECT FROM holds WHERE holds.ended_at IS NULL AND (holds.user_id IS NULL OR holds.user_id = ${user}))`;
}

/**
 * SQL for the time since `since` that the user was on hold, an interval. Holds for all and holds for the user overlap, so
 * their union counts. The bounds are put in order, because in a group of statements `now()` is earlier than a hold that
 * began after the group.
 */
export function timeOnHold({ user, since }: { user: string; since: string }): string {
  return `(
        SELECT coalesce(sum(upper(period) - lower(period)), interval '0') FROM unnest((
          SELECT range_agg(tstzrange(greatest(h.started_at, ${since}),
                                     greatest(h.started_at, ${since}, least(h.ended_at, now()))))
            FROM holds h
           WHERE (h.user_id IS NULL OR h.user_id = ${user}) AND (h.ended_at IS NULL OR h.ended_at > ${since})
        )) AS period)`;
}
