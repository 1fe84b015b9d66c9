import { type FarEnd, OUR_FAULT } from '@emr-payments/db';
import { NOT_THERE_YET, SETTLING } from './settle-doubt.ts';

/** The code of the answer by which an EMR takes a payment for later. */
export const ACCEPTED = 'accepted';

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
  /** A submitted payment is looked up after half of the time for which it has been accepted, within these bounds. */
  firstLookMs: 2_000,
  longestLookMs: 15 * 60_000,
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

/**
 * Decides for how long a far end that asked all callers to wait is not called: as long as it said, 24 h at most; or as long as the
 * payment waits, when it did not say.
 *
 * @returns milliseconds.
 */
export function farEndPause(input: { delayMs: number; retryAfterMs?: number | undefined }): number {
  return Math.min(input.retryAfterMs ?? input.delayMs, POSTING_POLICY.longestRetryAfterMs);
}

/**
 * Decides when a payment that the EMR has accepted for later is looked up next: after half of the time that has passed since,
 * with a fifth of it as jitter, and not later than its limit.
 *
 * @param input.acceptedMs how long ago the EMR accepted it.
 * @param input.confirmWithinMs the adapter's limit, after which a person has to look.
 * @returns milliseconds.
 */
export function lookUpDelay(input: {
  acceptedMs: number;
  confirmWithinMs: number;
  retryAfterMs?: number | undefined;
}): number {
  const { firstLookMs, longestLookMs, longestRetryAfterMs } = POSTING_POLICY;
  const { acceptedMs, confirmWithinMs, retryAfterMs = 0 } = input;
  const half = Math.min(longestLookMs, Math.max(firstLookMs, acceptedMs / 2)) * (1 + Math.random() / 5);
  const untilLimit = Math.max(0, confirmWithinMs - acceptedMs);
  return Math.ceil(Math.max(Math.min(half, untilLimit), Math.min(retryAfterMs, longestRetryAfterMs)));
}

/** We have used up the vendor's limit, and did not call the EMR. The bucket knows when the next call is free, so nothing is paused. */
const LIMIT_USED_UP = 'limit_used_up';

/** Answers of an EMR that works: only this payment has to wait. */
const ANSWERS: readonly string[] = [SETTLING, NOT_THERE_YET, ACCEPTED];

/**
 * True for a trouble that only a person can remove, and that says nothing about whether the EMR will take the payment: a fault of
 * ours, or a login that the EMR rejects. The horizon does not end a payment that waits for it, and begins again with the next
 * answer; the warnings of repeated answers name it meanwhile.
 */
export function stopsHorizon({ code }: { code: string }): boolean {
  return code === OUR_FAULT || code === 'unauthorized';
}

/** Decides what the reason for a retry says about the EMR as a whole, and so about the other payments of its lane. */
export function farEndOf(trouble: { code: string }): FarEnd {
  if (trouble.code === OUR_FAULT || trouble.code === LIMIT_USED_UP) return 'none';
  if (ANSWERS.includes(trouble.code)) return 'answering';
  // It asked us to slow down: that pauses the lane, or all lanes of its bucket, and does not count as a failure.
  return trouble.code === 'rate_limited' ? 'throttling' : 'failing';
}
