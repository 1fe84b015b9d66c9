/** What one process may hand out of one limit for one client or user. */
export type Bucket = {
  /** Requests that may pass now. */
  tokens: number;
  /** Added each second, and the most that it holds: this process' share of the limit. */
  share: number;
  /** When `tokens` was right, in milliseconds of a clock that only grows. */
  at: number;
  /** Requests since the demand was last told, those that were refused too. */
  demand: number;
};

/** A bucket that is full. */
export function newBucket(share: number, now: number): Bucket {
  return { tokens: Math.max(share, 1), share, at: now, demand: 0 };
}

/** Brings the tokens up to now. A share below one still saves up for a whole request. */
export function refill(bucket: Bucket, now: number): void {
  bucket.tokens = Math.min(
    Math.max(bucket.share, 1),
    bucket.tokens + ((now - bucket.at) / 1000) * bucket.share,
  );
  bucket.at = now;
}

/** Whole seconds until a request passes again; at least one, as `Retry-After` has no less. */
export function secondsUntilNext({ tokens, share }: Bucket): number {
  return Math.max(1, Math.ceil((1 - tokens) / share));
}

/**
 * The share of a limit that one process may hand out.
 *
 * @param input.own what it was asked for in the last second.
 * @param input.others what all others were asked for together.
 * @param input.processes how many there are, this one included.
 */
export function shareOf(input: { limit: number; own: number; others: number; processes: number }): number {
  const { limit, own, others, processes } = input;
  if (own + others <= limit) return limit - others;
  // So that a process of which little is asked is never shut out.
  const least = Math.min(1, limit / processes);
  return Math.max(least, (limit * own) / (own + others));
}
