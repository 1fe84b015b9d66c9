import type { FarEnd } from '@emr-payments/db';
import { SETTLING } from './settle-doubt.ts';

/**
 * Decides when a posting is retried, and is the only place that does: adapters and the HTTP client never repeat a call, and
 * BullMQ makes one attempt per entry.
 */
export const POSTING_POLICY = {
  /** Exponential with full jitter: a random time up to the bound, which doubles with every try. */
  firstDelayMs: 1_000,
  longestDelayMs: 10 * 60_000,
  /** The longest time for which an EMR's `Retry-After` puts a payment off at once. */
  longestRetryAfterMs: 24 * 3_600_000,
} as const;

/**
 * @param input.tries how often the payment has been put off before.
 * @param input.retryAfterMs the delay that the EMR demands, of which 24 h at most count; the payment is not retried earlier.
 * @returns milliseconds.
 */
export function postingDelay(input: { tries: number; retryAfterMs?: number | undefined }): number {
  const { firstDelayMs, longestDelayMs, longestRetryAfterMs } = POSTING_POLICY;
  const bound = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(input.tries, 20));
  return Math.min(input.retryAfterMs ?? 0, longestRetryAfterMs) + Math.round(Math.random() * bound);
}

/** Decides what the reason for a retry says about the EMR as a whole, and so about the other payments of its lane. */
export function farEndOf(trouble: { code: string }): FarEnd {
  // The EMR answered the look-up: only this payment has to wait.
  if (trouble.code === SETTLING) return 'answering';
  // It asked us to slow down: that pauses the lane, and does not count as a failure.
  return trouble.code === 'rate_limited' ? 'throttling' : 'failing';
}
