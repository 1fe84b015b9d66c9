import { PRESENT_CAP } from '../jobs/lane-cap.ts';

/**
 * Deliveries are made due this far ahead and no further, in seconds, spread over that time, and hardly any (`LEAST_ROOM`) while as many jobs
 * of the endpoint are due or under way: so a new event goes between them, and the table of jobs stays small. The less it
 * is, the sooner a turn sees what came of the one before it, and the more turns are needed: many recoveries at work share those that a worker gives.
 */
const AHEAD_OF_FEW_SECONDS = 0.2;
const AHEAD_OF_MANY_SECONDS = 0.5;
const FEW = 4;
export const AHEAD = `CASE WHEN at_work <= ${FEW} THEN ${AHEAD_OF_FEW_SECONDS} ELSE ${AHEAD_OF_MANY_SECONDS} END`;

/** Deliveries that the first turn makes due, for each that the endpoint may get at once. */
const FIRST_FOR_EACH = 2;

/** Bounds of a pace, in deliveries a second. */
const LEAST = 1;
const MOST = 5_000;

/** By this factor a turn lowers a pace that is too high. Jobs that are late once stay so until they are fed: four turns see them, and halve it. */
const LESS = 0.85;

/** However busy the workers are, and however many recoveries run, a recovery is not slower than this because of them. */
const LEAST_OF_A_CROWD = 20;

/**
 * A job that is due this long and not fed says that the endpoint is behind. While none is due longer than the first it keeps up, with most
 * of its slots in use; than the second, with half of them free: those jobs wait for a relay, which is woken every 50 ms.
 */
const FULL_SECONDS = 0.05;
const KEEPS_UP_SECONDS = 0.15;
const BEHIND_SECONDS = 0.4;

/** An entry that no worker has claimed after this long has met workers that are busy with other deliveries too. */
const BUSY_MS = 10;
const CROWDED_MS = 30;

/** A pace grows only if the last turn was bounded by it, and not by a lack of missed events. */
const JUST_USED_SECONDS = 0.3;

/**
 * A turn makes as many deliveries due as are missing to this number of waiting due jobs of the endpoint, also at a lower pace. Where its own events are always
 * under way, or where feeding is late because workers die, a recovery whose pace once came down would otherwise never go on. Ten turns a second
 * with two of them are as many as `LEAST_OF_A_CROWD`.
 */
export const LEAST_ROOM = 2;

const unclaimedFor = (ms: number) => `
  EXISTS (SELECT FROM jobs u WHERE u.queued_at < now() - interval '${ms} milliseconds' AND u.lease_until IS NULL AND u.kind = 'deliver_webhook')`;

/**
 * Columns of a lane `l` and a recovery `r` from which `PACE` is computed: how many deliveries a second the recovery makes due.
 */
export const PACE_SIGNALS = `
  r.pace, r.next_slot > now() - interval '${JUST_USED_SECONDS} seconds' AS was_used, ${PRESENT_CAP} AS cap, l.rate_per_second,
  (SELECT count(*) FROM jobs f WHERE f.lane_id = l.id AND f.queued_at IS NOT NULL) AS in_flight,
  (SELECT count(*) FROM (SELECT FROM jobs j WHERE j.lane_id = l.id AND j.queued_at IS NULL
                            AND j.run_at <= now() + interval '${AHEAD_OF_MANY_SECONDS} seconds' LIMIT ${AHEAD_OF_MANY_SECONDS * MOST}) AS next) AS coming,
  coalesce(extract(epoch FROM now() - (SELECT min(j.run_at) FROM jobs j WHERE j.lane_id = l.id AND j.queued_at IS NULL))::float8, 0) AS delay,
  ${unclaimedFor(BUSY_MS)} AS busy, ${unclaimedFor(CROWDED_MS)} AS crowded,
  (SELECT greatest(count(*), 1) FROM recoveries o WHERE o.state = 'running' AND o.total IS NULL AND o.idle_turns = 0) AS at_work`;

/**
 * The pace of a recovery's turn, from `PACE_SIGNALS`. The endpoint decides: its pace doubles with each turn that finds half of its slots free
 * and nothing waiting, grows by a quarter where it keeps up with most of its slots in use, and comes down with each turn that finds it behind,
 * so that a new event waits for a fraction of a second and not for what was missed.
 * It is delay that is measured, as in LEDBAT (https://www.rfc-editor.org/rfc/rfc6817): a full queue says that more would only wait.
 * Where the workers have no time, for the deliveries of anybody, it does not grow, and comes down to that of a slow recovery.
 *
 * One recovery alone may use all that the workers have to spare. Many at once would take it from the events of other clients before a delay
 * shows: so n of them that find something to send get `MOST / n` together, and 20 of them 20 a second each.
 */
export const PACE = `
  greatest(${LEAST}, least(greatest(${MOST} / (at_work * at_work), ${LEAST_OF_A_CROWD}), ceil(rate_per_second), CASE
    WHEN pace IS NULL THEN cap * ${FIRST_FOR_EACH} / ${AHEAD}
    WHEN crowded AND pace > ${LEAST_OF_A_CROWD} THEN greatest(${LEAST_OF_A_CROWD}, pace / 2)
    WHEN delay > ${BEHIND_SECONDS} THEN pace * ${LESS}
    WHEN busy OR NOT was_used THEN pace
    WHEN delay <= ${KEEPS_UP_SECONDS} AND in_flight <= cap / 2 THEN pace * 2
    WHEN delay <= ${FULL_SECONDS} THEN pace * 1.25
    ELSE pace END))::float8`;
