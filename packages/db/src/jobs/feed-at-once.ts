import { HAS_TURN } from '../core/turns.ts';
import { PRESENT_CAP } from './lane-cap.ts';
import { CIRCUIT_THRESHOLD } from './lane-circuit.ts';

/** `feed` in ASCII: the turn of all that marks jobs as queued, so that no two fill the same room of a lane. */
export const FEED_TURN = 0x66656564;

/**
 * Gives the time at which a new job of an endpoint's lane `lane` is marked as queued: now, if the statement has the turn of the feed and
 * the lane has room for it. Otherwise null: the relay feeds the job. That is so too where the lane has a rate, whose slots the feed counts,
 * and where jobs of the lane are due before this one.
 */
export const FED_AT_ONCE = `
  SELECT now() FROM lanes l
   WHERE l.id = lane.id AND ${HAS_TURN}
     AND (l.open_until IS NULL OR l.open_until <= now()) AND l.rate_per_second IS NULL AND l.bucket_id IS NULL
     AND (SELECT true FROM jobs j WHERE j.lane_id = l.id AND j.queued_at IS NULL AND j.run_at <= now() LIMIT 1) IS NULL
     AND (SELECT count(*) FROM jobs f WHERE f.lane_id = l.id AND f.queued_at IS NOT NULL)
           < CASE WHEN l.failures >= ${CIRCUIT_THRESHOLD} THEN 1 ELSE ${PRESENT_CAP} END`;
