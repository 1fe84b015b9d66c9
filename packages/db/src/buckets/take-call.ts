import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

/**
 * Calls that a caller has to leave for others, of those that may be made at once. Work on a payment leaves none: its lists, look-ups,
 * tokens and sends are what the feed has left room for (`feed-statements.ts`). Everybody else leaves three quarters.
 */
const SPARE = '(CASE WHEN :yields::boolean THEN burst * 3 / 4 ELSE 0 END)';

/**
 * While payments wait to be fed (`wanted_until`), calls that no payment waits for get every so many-th call. Without this a reader that
 * never stops would take each call the moment it is free, and the relay, which looks a few times a second, would find none.
 */
export const YIELD_SHARE = 4;

/**
 * Counts a call in every window of the bucket, and finds out when it may be made: now, or up to `longestWaitMs` later, in the order
 * in which the calls are counted. One that would have to wait longer is not counted. `paused_until` holds it back too.
 *
 * A call that yields is only counted when it may be made now. Counted ahead, it would take the whole burst with it: the slots say how
 * many calls are free at one moment, and that would be the moment of this call.
 *
 * The row is locked first, and read as the last caller has left it. The time is taken after that: a wait for the lock does not
 * count as time in which the call could have left.
 */
const TAKE = named({
  name: 'take-call',
  values: ['key', 'yields', 'longestWaitMs'],
  text: `
    WITH bucket AS MATERIALIZED (
      SELECT id, burst, interval_us, next_slots, paused_until, wanted_until, yield_slot FROM rate_buckets WHERE key = :key FOR NO KEY UPDATE
    ), clock AS MATERIALIZED (
      SELECT clock_timestamp() AS now, paused_until, CASE WHEN :yields::boolean AND wanted_until > now() THEN yield_slot END AS yields_until FROM bucket
    ), windows AS MATERIALIZED (
      SELECT w.n, w.slot, w.gap, (w.burst - 1) * w.gap AS ahead, w.spare * w.gap AS held_back
        FROM bucket CROSS JOIN LATERAL (
          SELECT n, slot, burst, interval_us * interval '1 microsecond' AS gap, ${SPARE} AS spare
            FROM unnest(bucket.interval_us, bucket.burst, bucket.next_slots) WITH ORDINALITY AS each(interval_us, burst, slot, n)
        ) w
    ), call AS MATERIALIZED (
      SELECT due.at, extract(epoch FROM due.at - clock.now)::float8 * 1000 AS wait_ms
        FROM clock CROSS JOIN LATERAL (
          SELECT greatest(clock.now, clock.paused_until, clock.yields_until, max(greatest(slot, clock.now - ahead) + held_back)) AS at FROM windows
        ) due
    ), taken AS (
      UPDATE rate_buckets
         SET next_slots = (SELECT array_agg(greatest(slot, call.at - ahead) + gap ORDER BY n) FROM windows),
             yield_slot = CASE WHEN :yields::boolean THEN call.at + ${YIELD_SHARE} * (SELECT max(gap) FROM windows) ELSE rate_buckets.yield_slot END
        FROM bucket, call WHERE rate_buckets.id = bucket.id AND call.wait_ms <= CASE WHEN :yields::boolean THEN 0 ELSE :longestWaitMs END
      RETURNING rate_buckets.id
    )
    SELECT EXISTS (SELECT FROM taken) AS granted, call.wait_ms AS "waitMs" FROM call`,
});

export type CallTaken = {
  granted: boolean;
  /** Milliseconds until the call may be made; or until one could be, when it is not granted. */
  waitMs: number;
};

/** @returns null when there is no such bucket yet. */
export async function takeCall(
  deps: StatementDeps,
  input: { key: string; yields: boolean; longestWaitMs: number },
): Promise<CallTaken | null> {
  const [row] = await query<CallTaken>(deps, TAKE, TAKE.values(input));
  return row ?? null;
}
