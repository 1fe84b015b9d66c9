import type { SendGate } from './send-gate.ts';
/** A limit of requests that the vendor sets. Every call counts: look-ups, lists and tokens too. */
export type RateBucket = {
  /** The subject of the vendor's count: one application over all practices, one API key, or one connection. */
  readonly scope: 'application' | 'api_key' | 'connection';
  /** Names the bucket, without a secret: connections with the same key share it, over all workers. */
  readonly key: string;
  /**
   * Each of them holds: `calls` requests in any `perMs` milliseconds. Where the bucket is stored already, the windows that are stored hold
   * instead: they are not one connection's to change.
   */
  readonly windows: readonly { readonly calls: number; readonly perMs: number }[];
};

/** `signal` ends a call, or its wait. */
export type CallOptions = {
  signal: AbortSignal;
  /**
   * True for calls of which several make one answer, as the pages of a look-up: each waits up to a minute for the vendor's limit. One that was
   * refused would make all of them begin again, and under a small limit they would never come to their end.
   */
  waitsLong?: boolean;
};

/** Options of a call that reads the practice's names, or may have to. */
export type ListOptions = CallOptions & {
  /** Called when the names were read from the EMR for this call, and are neither remembered nor the same for all practices. */
  onRead?: () => void;
};

/** Options of a send. */
export type PostOptions = CallOptions & {
  /**
   * When it is shut (the claim has passed to another worker, as after a long pause of this process, or `sent_at` was not written) the
   * request is torn down unfinished, so the EMR cannot act on it, and the outcome is `not_sent`.
   */
  mayStillSend: SendGate;
};

/**
 * What becomes of a request that is about to be made. Granted: it is counted, and may be made after `waitMs` milliseconds, at once
 * without it. Otherwise the limit is used up for longer than a call should wait, and one may be granted after so many milliseconds.
 */
export type CallPermit = { granted: true; waitMs?: number } | { granted: false; waitMs: number };

/**
 * The longest time for which one answer of an EMR holds back others than the payment that it is about. The longest window of a vendor's limit is
 * an hour. A quota of a day that is used up costs a few calls in each hour of it; an odd answer does not stop all practices of an
 * application for a day.
 */
export const LONGEST_PAUSE_MS = 3_600_000;

/** Counts requests against the vendors' limits, over all processes that share the store. */
export type CallCounter = {
  /**
   * Counts one request that is about to be made. One that is not granted is not counted.
   *
   * @param options.signal ends a wait within: the request is not granted then.
   * @throws when it cannot be counted.
   */
  take(bucket: RateBucket, options: CallOptions): Promise<CallPermit>;
  /**
   * Holds back all callers of the bucket: the EMR has answered a request with 429.
   *
   * @param options.saidMs the wait that the EMR named, `LONGEST_PAUSE_MS` at most; absent when it named none.
   * @throws when it cannot be written.
   */
  pause(bucket: RateBucket, options: { saidMs?: number | undefined }): Promise<void>;
};
