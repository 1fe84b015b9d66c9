import { MAX_RETRY_AFTER_MS } from '@emr-payments/outbound';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The example schedule of Standard Webhooks 1.0.0: ten attempts over 75 hours, 35 minutes and 5 seconds. */
const DELAYS = [
  0,
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;

/** A delivery fails after this many attempts at one endpoint. */
export const MAX_ATTEMPTS = DELAYS.length;

const JITTER = 0.2;

/**
 * Computes how long to wait before an attempt.
 *
 * Jitter only adds, uniformly up to 20 % of the delay: an attempt is never earlier than the schedule or the receiver's
 * `Retry-After` says, and deliveries that failed together are not retried together.
 *
 * @param deps.random returns a number from 0 (inclusive) to 1 (exclusive); `Math.random` by default.
 * @param input.attempt the attempt about to be made, counted from 1.
 * @param input.retryAfterMs the wait that the last answer asked for; more than 24 h counts as 24 h.
 * @returns milliseconds from the end of the previous attempt, or null when the attempts are used up.
 */
export function delayBeforeAttempt(
  deps: { random?: () => number },
  input: { attempt: number; retryAfterMs?: number | undefined },
): number | null {
  if (!Number.isInteger(input.attempt) || input.attempt < 1)
    throw new RangeError('attempts are counted from 1');
  const scheduled = DELAYS[input.attempt - 1];
  if (scheduled === undefined) return null;
  const asked = Math.min(input.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
  const delay = Math.max(scheduled, asked);
  const random = deps.random ?? Math.random;
  return Math.round(delay * (1 + JITTER * random()));
}
