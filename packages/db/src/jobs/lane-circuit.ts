/** A lane's circuit opens after this many failures in a row. When `open_until` has passed, the lane gets one job, as a probe. */
export const CIRCUIT_THRESHOLD = 5;

/**
 * Condition under which a failure counts. Failures that come in while the circuit is open belong to calls that were under
 * way when it opened; if they counted, one burst would keep the circuit open for its longest time.
 */
export const NOT_OPEN = '(lanes.open_until IS NULL OR lanes.open_until <= now())';

/**
 * SET list for a lane whose far end has failed once more: from the threshold on, its circuit opens for 1, 2, 4 … seconds.
 *
 * @param input.before SQL for the failures in a row before this one.
 * @param input.untilBelow SQL for `open_until` below the threshold: a time that has come, or NULL.
 */
export function failedLane({
  longestSeconds,
  before = 'lanes.failures',
  untilBelow = 'NULL',
}: {
  longestSeconds: number;
  before?: string;
  untilBelow?: 'NULL' | 'now()';
}): string {
  const beyond = `${before} + 1 - ${CIRCUIT_THRESHOLD}`;
  return `failures = ${before} + 1,
          open_until = CASE WHEN ${beyond} >= 0
            THEN now() + make_interval(secs => least(${longestSeconds}, power(2, least(${beyond}, 20)))) ELSE ${untilBelow} END`;
}

/**
 * SET list for a connection's lane whose far end has answered: it has no failures any more, and its circuit is closed. `open_until` below the
 * threshold is a pause that the far end has asked for, which lasts as long as it said.
 */
export const ANSWERING_LANE = `failures = 0, open_until = CASE WHEN lanes.failures < ${CIRCUIT_THRESHOLD} THEN lanes.open_until END`;
