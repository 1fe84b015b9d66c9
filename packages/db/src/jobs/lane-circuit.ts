/** A lane with this many failures in a row has an open circuit: when `open_until` has passed it gets one job, as a probe. */
export const CIRCUIT_THRESHOLD = 5;

/**
 * Failures that come in while the circuit is open are those of calls that were under way when it opened: they do not
 * count, or one burst would keep it open for its longest time.
 */
export const NOT_OPEN = '(lanes.open_until IS NULL OR lanes.open_until <= now())';

/** The SET list for a lane whose far end has failed once more: open for 1, 2, 4 … seconds from the threshold on. */
export function failedLane({ longestSeconds }: { longestSeconds: number }): string {
  const beyond = `lanes.failures + 1 - ${CIRCUIT_THRESHOLD}`;
  return `failures = lanes.failures + 1,
          open_until = CASE WHEN ${beyond} >= 0
            THEN now() + make_interval(secs => least(${longestSeconds}, power(2, least(${beyond}, 20)))) END`;
}
