/** So many requests in any so many milliseconds. */
export type LimitWindow = { readonly calls: number; readonly perMs: number };

/** The pace that keeps a window: `burst` calls at once, after a rest, and then one for every `intervalUs` microseconds. */
export type Pace = { burst: number; intervalUs: number };

/**
 * A call is counted just before it leaves, and arrives later: a wait for a connection or a processor moves it, by up to this part
 * of the window. The window is kept longer by so much, so that calls which a delay has moved together still fit into the vendor's.
 */
const MARGIN = 0.1;

/** The part of a window's calls that may leave at once. */
const BURST_SHARE = 0.1;

/** A window from this length on refills slowly: one payment can need up to `LEAST_BURST` calls, and cannot wait for each. */
const LONG_WINDOW_MS = 10_000;
const LEAST_BURST = 4;

/**
 * Computes the pace of a window by the generic cell rate algorithm (ITU-T I.371; `next_slots` of a bucket are its theoretical arrival
 * times). Within a time T of such a pace, at most `burst + ceil(T / interval) - 1` calls leave, whatever the order of requests, so
 * the interval is chosen for that to be `calls`.
 *
 * The burst is small, although a larger one would also hold the limit: it is what the first connection that wakes up can use up, and
 * for an hour's window the others would then have to wait for most of an hour.
 */
export function paceOf({ calls, perMs }: LimitWindow): Pace {
  const share = Math.ceil(calls * BURST_SHARE);
  const least = perMs < LONG_WINDOW_MS ? 1 : Math.min(LEAST_BURST, Math.ceil((calls + 1) / 2));
  const burst = Math.max(share, least);
  const intervalUs = Math.ceil((perMs * (1 + MARGIN) * 1000) / (calls - burst + 1));
  return { burst, intervalUs };
}

/** A call without which those before it would be in vain, as the next page of a look-up, waits for so long altogether. */
export const LONGEST_LONG_WAIT_MS = 60_000;

/** The calls of a look-up: those of the payment, and of payments that the EMR is known to have. */
const LOOK_UP_CALLS = 5;

/** False for a limit under which a payment whose answer was lost can never be looked up: neither at once, nor with waits between its calls. */
export const hasRoomForLookUps = (windows: readonly LimitWindow[]): boolean =>
  windows
    .map(paceOf)
    .every(({ burst, intervalUs }) => burst >= LOOK_UP_CALLS || intervalUs <= LONGEST_LONG_WAIT_MS * 1000);

/** Sorts windows by their length, as they are stored. */
export function sortedWindows(windows: readonly LimitWindow[]): LimitWindow[] {
  return [...windows].sort((a, b) => a.perMs - b.perMs);
}
