import { createCallLimit, type Pace } from '../../pace.ts';
import { DrChronoProblem, throttled } from './problem.ts';

/** Both limits are for the application, over all practices (https://app.drchrono.com/api-docs/). */
export const PER_HOUR = 500;
/** The vendor throttles a client that makes 10 calls or more within a second. */
const PER_SECOND = 9;
const HOUR_MS = 3_600_000;

export type ApplicationLimit = {
  /** Counts one request of an application. @throws DrChronoProblem when it is one too many. */
  take(clientId: string): void;
};

/**
 * Limits the requests of each application: 9 in any second, and 500 in each hour of the clock, all of them free again at the top
 * of the hour.
 *
 * @param now milliseconds since 1970.
 */
export function createApplicationLimit({
  pace,
  now = Date.now,
}: {
  pace: Pace;
  now?: () => number;
}): ApplicationLimit {
  const second = createCallLimit({ pace, now }, [{ calls: PER_SECOND, perMs: 1000 }]);
  const hours = new Map<string, { hour: number; calls: number }>();

  return {
    take(clientId) {
      if (pace.current.limits === 'raised') return;
      const at = now();
      const hour = Math.floor(at / HOUR_MS);
      const known = hours.get(clientId);
      const calls = known?.hour === hour ? known.calls : 0;
      const waitMs = calls >= PER_HOUR ? (hour + 1) * HOUR_MS - at : second.take(clientId);
      if (waitMs > 0) throw new DrChronoProblem(429, throttled(Math.ceil(waitMs / 1000)));
      hours.set(clientId, { hour, calls: calls + 1 });
    },
  };
}
