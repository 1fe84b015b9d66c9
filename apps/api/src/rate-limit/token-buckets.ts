/** A token bucket: the requests that one process may let through, of one limit for one client or user. */
export type Bucket = {
  /** Number of requests that may pass now. */
  tokens: number;
  /** Tokens added per second, and the capacity: this process' share of the limit. */
  share: number;
  /** Time of `tokens`, in milliseconds of a clock that only grows. */
  at: number;
  /** Requests since the demand was last read, including refused ones. */
  demand: number;
};

/** Makes a full bucket. */
export function newBucket(share: number, now: number): Bucket {
  return { tokens: Math.max(share, 1), share, at: now, demand: 0 };
}

/** Adds the tokens for the time since `at`. With a share below one the capacity is still one, so that requests pass at all. */
export function refill(bucket: Bucket, now: number): void {
  bucket.tokens = Math.min(
    Math.max(bucket.share, 1),
    bucket.tokens + ((now - bucket.at) / 1000) * bucket.share,
  );
  bucket.at = now;
}

/** Returns the whole seconds until a request passes again; at least one, the smallest useful `Retry-After`. */
export function secondsUntilNext({ tokens, share }: Bucket): number {
  return Math.max(1, Math.ceil((1 - tokens) / share));
}

/**
 * Computes the share of a limit that one process may let through.
 *
 * @param input.own the demand on this process in the last second.
 * @param input.others the demand on all other processes together.
 * @param input.processes the number of processes, including this one.
 */
export function shareOf(input: { limit: number; own: number; others: number; processes: number }): number {
  const { limit, own, others, processes } = input;
  if (own + others <= limit) return limit - others;
  // A lower bound, so that a process with little demand is never shut out.
  const least = Math.min(1, limit / processes);
  return Math.max(least, (limit * own) / (own + others));
}
