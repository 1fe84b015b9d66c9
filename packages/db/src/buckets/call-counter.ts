import { setTimeout as pause } from 'node:timers/promises';
import type { StatementDeps } from '../core/statements.ts';
import { type Bucket, ensureBucket } from './bucket.ts';
import { LONGEST_LONG_WAIT_MS } from './pace.ts';
import { pauseBucket } from './pause-bucket.ts';
import { type CallTaken, takeCall } from './take-call.ts';

/** Counts the requests to EMRs of all processes in the rows of their buckets. It has the form of `CallCounter` in packages/emr. */
export type DatabaseCallCounter = {
  /**
   * @param options.signal ends a wait: the call is not granted then.
   * @param options.waitsLong true: the call of a payment waits here for up to a minute.
   */
  take(
    bucket: Bucket,
    options?: { signal?: AbortSignal; waitsLong?: boolean },
  ): Promise<{ granted: true; waitMs: number } | { granted: false; waitMs: number }>;
  /** Holds back the calls of all processes: the EMR has answered 429 (`pauseBucket`). */
  pause(bucket: Bucket, options: { saidMs?: number | undefined }): Promise<void>;
};

/** A call for a payment that may be made this soon is granted, and the caller waits. */
const LONGEST_WAIT_MS = 3_000;

/** Between two looks of a call that waits here: others may take what it waits for. */
const SHORTEST_PAUSE_MS = 20;

/** A call that yields waits here, for so long altogether: no payment is held up meanwhile. */
const LONGEST_YIELDING_WAIT_MS = 5_000;

/**
 * Opens the counter of calls for one process. A bucket without a row is added: the connection is older than the bucket, was saved by an
 * older version, or is not saved yet. Windows that are stored hold, whatever the caller's connection names.
 *
 * @param options.yields true: calls that no payment waits for, such as an integrator's request for the names of a practice. They leave
 *   what work on payments needs at once, and while payments wait to be fed they get a quarter of the limit.
 */
export function openCallCounter(
  deps: StatementDeps,
  { yields = false }: { yields?: boolean } = {},
): DatabaseCallCounter {
  async function takeFrom(bucket: Bucket): Promise<CallTaken> {
    const asked = { key: bucket.key, yields, longestWaitMs: LONGEST_WAIT_MS };
    const taken = await takeCall(deps, asked);
    if (taken !== null) return taken;
    await ensureBucket(deps, bucket);
    const again = await takeCall(deps, asked);
    if (again === null) throw new Error('the rate bucket was not written');
    return again;
  }

  /** Waits until the call may be made, and counts it only then: a pause that begins meanwhile holds it back too. */
  async function takeWithin(
    bucket: Bucket,
    { waitMs, signal }: { waitMs: number; signal: AbortSignal | undefined },
  ): Promise<CallTaken> {
    const until = performance.now() + waitMs;
    for (;;) {
      const taken = await takeFrom(bucket);
      if (taken.granted || performance.now() + taken.waitMs > until) return taken;
      await pause(Math.max(taken.waitMs, SHORTEST_PAUSE_MS), undefined, { signal }).catch(() => undefined);
      // Nobody would make the call: it takes nothing of the limit.
      if (signal?.aborted) return taken;
    }
  }

  return {
    async take(bucket, { signal, waitsLong = false } = {}) {
      const longest = yields ? LONGEST_YIELDING_WAIT_MS : waitsLong ? LONGEST_LONG_WAIT_MS : 0;
      const { granted, waitMs } = await takeWithin(bucket, { waitMs: longest, signal });
      return { granted, waitMs };
    },
    pause: ({ key }, { saidMs }) => pauseBucket(deps, { key, yields, saidMs }),
  };
}
