import { MAX_RETRY_AFTER_MS } from '@emr-payments/outbound';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The schedule that Standard Webhooks 1.0.0 gives as its example: ten attempts over 75 hours and 35 minutes. */
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

/** Attempts that an event gets at one endpoint before its delivery has failed. */
export const MAX_ATTEMPTS = DELAYS.length;

const JITTER = 0.2;

/**
 * How long to wait before an attempt.
 *
 * Jitter is upwards only, uniform from nothing to 20 % of the delay: an attempt is never earlier than the schedule or
 * the receiver's `Retry-After` says, and deliveries that failed together do not come back together.
 *
 * @param deps.random a number from 0 (in) to 1 (out); `Math.random` unless told.
 * @param input.attempt the attempt about to be made, from 1.
 * @param input.retryAfterMs what the last answer asked for; more than 24 h counts as 24 h.
 * @returns milliseconds from the end of the attempt before, or null when the attempts are used up.
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
