import type { FarEnd } from '@emr-payments/db';

/**
 * When a posting is tried again. The only place that says so: adapters and the HTTP client never repeat a call, and
 * BullMQ makes one attempt per entry.
 */
export const POSTING_POLICY = {
  /** Exponential with full jitter: a random time up to the bound, which doubles with every try. */
  firstDelayMs: 1_000,
  longestDelayMs: 10 * 60_000,
  /** An EMR cannot put a payment off for longer than this at a time. */
  longestRetryAfterMs: 24 * 3_600_000,
} as const;

/** Codes of an adapter that mean "everybody wait": they pause the connection instead of counting as its failure. */
const THROTTLING = new Set(['rate_limited']);

/**
 * @param input.tries how often the payment has been put off before.
 * @param input.retryAfterMs what the EMR asked for: never earlier than that.
 * @returns milliseconds.
 */
export function postingDelay(input: { tries: number; retryAfterMs?: number | undefined }): number {
  const { firstDelayMs, longestDelayMs, longestRetryAfterMs } = POSTING_POLICY;
  const bound = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(input.tries, 20));
  return Math.min(input.retryAfterMs ?? 0, longestRetryAfterMs) + Math.round(Math.random() * bound);
}

/** Codes that come with a good answer of the EMR: only this payment has to wait. */
const ANSWERING = new Set(['settling']);

/** What the reason to try later says about the EMR as a whole. */
export function farEndOf(trouble: { code: string }): FarEnd {
  if (ANSWERING.has(trouble.code)) return 'answering';
  return THROTTLING.has(trouble.code) ? 'throttling' : 'failing';
}
