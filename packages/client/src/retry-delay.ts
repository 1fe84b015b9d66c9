const FIRST_MS = 250;
const LONGEST_MS = 8_000;

/** A call does not wait for a longer `Retry-After`: it fails, and the error carries the value. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Computes how long to wait before the next send.
 *
 * @param input.attempt the number of the failed send, starting at 1.
 * @param input.retryAfterMs the answer's `Retry-After`: the wait is never shorter.
 * @param input.random a number from 0 to 1 that decides half of the backoff, so that clients that failed together do not
 *   retry together (AWS Architecture Blog, "Exponential Backoff And Jitter": equal jitter).
 * @returns milliseconds; null when `Retry-After` is longer than a call may wait.
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
