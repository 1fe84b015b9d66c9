import { type Static, Type } from '@sinclair/typebox';

export const PaceSchema = Type.Object(
  {
    /** `vendor`: each dialect refuses more requests than its vendor's page permits. `raised`: no dialect limits requests. */
    limits: Type.Unsafe<'vendor' | 'raised'>({ type: 'string', enum: ['vendor', 'raised'] }),
    /** Milliseconds until an EMR that answers before it posts has posted, and until a list shows a new entry. */
    later_ms: Type.Integer({ minimum: 0, maximum: 3_600_000 }),
  },
  { additionalProperties: false },
);

export type PaceSet = Static<typeof PaceSchema>;
/** How fast this EMR is, and how many requests it permits. A caller may change it while the sandbox runs. */
export type Pace = { current: PaceSet };

/** The vendor's limit: at most `calls` requests in any `perMs` milliseconds. */
export type Window = { calls: number; perMs: number };

export type CallLimit = {
  /**
   * Counts one request of a caller, such as an API key. One that is refused is not counted.
   *
   * @returns 0 when it is permitted; otherwise the milliseconds after which the next one is.
   */
  take(caller: string): number;
};

/** Limits the requests of each caller by all windows, unless the pace raises the limits. */
export function createCallLimit(
  { pace, now = () => performance.now() }: { pace: Pace; now?: () => number },
  windows: readonly Window[],
): CallLimit {
  const taken = new Map<string, number[]>();
  const longest = Math.max(...windows.map(({ perMs }) => perMs));
  return {
    take(caller) {
      if (pace.current.limits === 'raised') return 0;
      const at = now();
      const times = (taken.get(caller) ?? []).filter((time) => time > at - longest);
      const waits = windows.map(({ calls, perMs }) => {
        const oldest = times[times.length - calls];
        return oldest === undefined || oldest <= at - perMs ? 0 : oldest + perMs - at;
      });
      const wait = Math.max(0, ...waits);
      if (wait === 0) times.push(at);
      taken.set(caller, times);
      return wait;
    },
  };
}
