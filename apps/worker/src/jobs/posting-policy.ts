import { FAILURE_CODES, isFailureCode, sentence } from '@emr-payments/contracts';
import { type FarEnd, OUR_FAULT } from '@emr-payments/db';
import { LONGEST_PAUSE_MS, type Trouble } from '@emr-payments/emr';
import { KNOWN_NOT_SHOWN, NOT_THERE_YET, SETTLING } from './settle-doubt.ts';

/** The code of the answer by which an EMR takes a payment for later. */
export const ACCEPTED = 'accepted';

/** The code of a request whose access token the EMR rejected and which did nothing there: the token has been renewed since. */
export const TOKEN_RENEWED = 'token_renewed';

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
  /** The longest pause of a lane after a 429 that names no wait. */
  longestUnsaidPauseMs: 60_000,
  /** The longest delay before a payment is sent with a renewed token: some of it, so that not all payments of a lane come at once. */
  renewedTokenMs: 250,
  /** A submitted payment is looked up after half of the time for which it has been accepted, within these bounds. */
  firstLookMs: 2_000,
  longestLookMs: 15 * 60_000,
} as const;

/**
 * Decides how long a payment is put off.
 * - With a renewed token it is tried at once.
 * - A limit of requests names its wait (`retryAfterMs`): the jitter is at most as long again, or a second, however often the payment
 *   has been put off, because it is known when the limit has room. One of 0 says nothing: it is a time that has passed by our clock, or a
 *   second that was rounded down, and an EMR that repeats it would be called without a pause.
 *
 * @param input.code why it is put off.
 * @param input.tries how often the payment has been put off before.
 * @param input.retryAfterMs the delay that the EMR demands, of which 24 h at most count; the payment is not retried earlier.
 * @returns milliseconds.
 */
export function postingDelay(input: {
  code: string;
  tries: number;
  retryAfterMs?: number | undefined;
}): number {
  const { firstDelayMs, longestDelayMs, longestRetryAfterMs, renewedTokenMs } = POSTING_POLICY;
  const { code, tries, retryAfterMs } = input;
  const demanded = Math.min(retryAfterMs ?? 0, longestRetryAfterMs);
  const doubled = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(tries, 20));
  const bound =
    code === TOKEN_RENEWED
      ? renewedTokenMs
      : (code === RATE_LIMITED || code === LIMIT_USED_UP) && demanded > 0
        ? Math.min(doubled, Math.max(firstDelayMs, demanded))
        : doubled;
  return demanded + Math.round(Math.random() * bound);
}

/**
 * Decides for how long a lane without a bucket is not called after a 429: as long as the EMR said, an hour at most. When it did not say, or
 * said 0, as long as the payment waits, a minute at most: how often this payment was put off before says nothing about the limit, and all
 * payments of the lane wait with it. A bucket is paused by the call itself (`pause-bucket.ts`).
 *
 * @returns milliseconds.
 */
export function farEndPause(input: { delayMs: number; retryAfterMs?: number | undefined }): number {
  const { delayMs, retryAfterMs = 0 } = input;
  return retryAfterMs > 0
    ? Math.min(retryAfterMs, LONGEST_PAUSE_MS)
    : Math.min(delayMs, POSTING_POLICY.longestUnsaidPauseMs);
}

/**
 * Decides when a payment that the EMR has accepted for later is looked up next: after half of the time that has passed since,
 * with a fifth of it as jitter, and not later than its limit. Past the limit it waits for a login, and the limit counts no more.
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
  const untilLimit = confirmWithinMs - acceptedMs;
  const delay = untilLimit > 0 ? Math.min(half, untilLimit) : half;
  return Math.ceil(Math.max(delay, Math.min(retryAfterMs, longestRetryAfterMs)));
}

/** The EMR asked us to slow down. */
const RATE_LIMITED = 'rate_limited';
/** We have used up the vendor's limit, and did not call the EMR. The bucket knows when the next call is free, so nothing is paused. */
export const LIMIT_USED_UP = 'limit_used_up';

/** Answers of an EMR that works: only this payment has to wait. */
const ANSWERS: readonly string[] = [SETTLING, NOT_THERE_YET, ACCEPTED, TOKEN_RENEWED];

/**
 * Answers to a look-up that prove nothing about its payment. The EMR gave them in its own format, so it works. What is missing in them
 * can be missing for as long as the payment is looked up, such as an entry of which nobody can say whether it is this payment: if they
 * counted as failures, a few payments in doubt would stop all others of the practice.
 */
const NO_EVIDENCE: readonly string[] = [
  'answer_cached',
  'answer_incomplete',
  'answer_not_understood',
  'entry_unreadable',
  'search_not_honoured',
  KNOWN_NOT_SHOWN,
];

/**
 * Takes a renewed token that the EMR rejects as well for what it is: a broken login. Without this, an EMR that rejects every token
 * would be sent to and its token renewed again and again at once.
 *
 * @param input.lastCode why the payment was put off before this try.
 */
export function rejectedAgain(trouble: Trouble, { lastCode }: { lastCode: string | null }): Trouble {
  if (trouble.code !== TOKEN_RENEWED) return trouble;
  if (lastCode !== TOKEN_RENEWED) return trouble;
  return {
    code: 'unauthorized',
    detail: sentence`The EMR rejected the access token again after it had been renewed.`,
  };
}

/** True for the code of a refusal of one payment, which an EMR gives that works: also while an earlier send of that payment is in doubt. */
const refusesOne = (code: string): boolean =>
  code !== 'connection_misconfigured' && isFailureCode(code) && FAILURE_CODES[code].status === 'failed';

/**
 * Decides what the reason for a retry says about the EMR as a whole, and so about the other payments of its lane.
 *
 * @param input.sent false when the payment was only looked up. A send whose answer proves nothing counts as a failure, because every
 *   further send would be in doubt as well.
 */
export function farEndOf({ code, sent }: { code: string; sent: boolean }): FarEnd {
  if (code === OUR_FAULT || code === LIMIT_USED_UP) return 'none';
  if (ANSWERS.includes(code) || refusesOne(code)) return 'answering';
  if (!sent && NO_EVIDENCE.includes(code)) return 'none';
  // It asked us to slow down: that pauses a lane that has no bucket, and does not count as a failure.
  return code === RATE_LIMITED ? 'throttling' : 'failing';
}
