import type { LeavePlace } from '@emr-payments/runtime';

/** After so long a far end counts as slow. */
const SLOW_MS = 1_000;

/**
 * Waits for a far end. When it is slow, the job's place goes to another job: many far ends that hang at once would otherwise hold up all
 * others until their time-outs.
 */
export async function atFarEnd<T>(
  { leavePlace }: { leavePlace?: LeavePlace | undefined },
  exchange: () => Promise<T>,
): Promise<T> {
  if (leavePlace === undefined) return exchange();
  const timer = setTimeout(leavePlace, SLOW_MS);
  try {
    return await exchange();
  } finally {
    clearTimeout(timer);
  }
}
