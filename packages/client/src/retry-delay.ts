const FIRST_MS = 250;
const LONGEST_MS = 8_000;

/** A `Retry-After` beyond this is the caller's to wait for: it is told in the error. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * How long to wait before the next send.
 *
 * @param input.attempt the one that has failed; 1 is the first.
 * @param input.retryAfterMs what the answer asked for: never less than that.
 * @param input.random from 0 to 1. Half of the wait is left to it, so that clients that failed together do not come back
 *   together (AWS Architecture Blog, "Exponential Backoff And Jitter": equal jitter).
 * @returns milliseconds; null when it was asked to wait for longer than a call may.
 */
export function retryDelay(input: {
  attempt: number;
  retryAfterMs: number | undefined;
  random: number;
}): number | null {
  const { attempt, retryAfterMs = 0, random } = input;
  if (retryAfterMs > LONGEST_RETRY_AFTER_MS) return null;
  const backoff = Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS);
  return Math.max(retryAfterMs, 0) + backoff / 2 + (backoff / 2) * random;
}
