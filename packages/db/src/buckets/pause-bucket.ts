import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { YIELD_SHARE } from './take-call.ts';

/** The pause after a 429 that names no wait. It doubles while such answers follow each other. */
const FIRST_UNSAID = `interval '1 second'`;
const LONGEST_UNSAID = `interval '60 seconds'`;

/**
 * Payments wait for so long at most because of the 429 to a call that none of them made. Such a call may meet another limit than a posting
 * would, and its answer may be odd: after the pause a payment finds out, and what it is answered counts in full.
 */
const LONGEST_FOR_OTHERS = `interval '60 seconds'`;

const UNSAID = `
  CASE WHEN paused_until <= now AND now < paused_until + (paused_until - updated_at)
       THEN greatest(${FIRST_UNSAID}, least(${LONGEST_UNSAID}, 2 * (paused_until - updated_at)))
       ELSE ${FIRST_UNSAID} END`;

/**
 * While two pauses overlap, the one that ends later holds. `updated_at` is when the present pause began. A 429 without a wait that comes soon
 * after a pause, within its length, makes a pause of twice that length.
 *
 * While payments wait, calls that no payment makes begin later than these (`yield_slot`), for as long as they were told themselves. So
 * the 429s that such calls get one after the other do not keep the payments waiting for ever.
 */
const PAUSE = named({
  name: 'pause-bucket',
  values: ['key', 'saidMs', 'yields'],
  text: `
    WITH bucket AS MATERIALIZED (
      SELECT id, paused_until, updated_at FROM rate_buckets WHERE key = :key FOR NO KEY UPDATE
    ), clock AS MATERIALIZED (
      SELECT *, clock_timestamp() AS now FROM bucket
    ), said AS MATERIALIZED (
      SELECT id, now, coalesce(make_interval(secs => :saidMs::float8 / 1000.0), ${UNSAID}) AS wait FROM clock
    ), pause AS MATERIALIZED (
      SELECT *, now + least(wait, CASE WHEN :yields::boolean THEN ${LONGEST_FOR_OTHERS} END) AS until FROM said
    )
    UPDATE rate_buckets b
       SET paused_until = greatest(b.paused_until, until),
           updated_at = CASE WHEN b.paused_until >= until THEN b.updated_at ELSE now END,
           yield_slot = CASE WHEN :yields::boolean
             THEN greatest(b.yield_slot, now + wait, until + ${YIELD_SHARE} * (SELECT max(us) FROM unnest(b.interval_us) us) * interval '1 microsecond')
             ELSE b.yield_slot END
      FROM pause WHERE b.id = pause.id`,
});

/**
 * Pauses a bucket, because the EMR has answered a call with 429: nobody is granted a call, and none of its lanes is fed.
 *
 * @param input.yields true: no payment made the call.
 * @param input.saidMs the wait that the EMR named; absent: it named none, and the pause is a second, up to a minute when it happens again.
 */
export async function pauseBucket(
  deps: StatementDeps,
  { key, yields, saidMs }: { key: string; yields: boolean; saidMs?: number | undefined },
): Promise<void> {
  await query(deps, PAUSE, PAUSE.values({ key, yields, saidMs: saidMs ?? null }));
}
