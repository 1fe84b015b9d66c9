import { setTimeout as pause } from 'node:timers/promises';
import { type Claim, DatabaseUnavailableError } from '@emr-payments/db';
import type { QueueEntry } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';

/**
 * Claims the job of an entry, holds the claim's lease while `work` runs, and then releases it. Does nothing when the claim
 * gives null: the job has ended, another worker holds it, or the entry is for an earlier fence.
 */
export async function underClaim<Job extends { claim: Claim }>(
  { leases, onDone }: Pick<JobDeps, 'leases' | 'onDone'>,
  { entry, claim }: { entry: QueueEntry; claim: (asked: Claim & { leaseMs: number }) => Promise<Job | null> },
  work: (job: Job, held: Held) => Promise<void>,
): Promise<void> {
  const claimedAt = performance.now();
  const job = await claim({ jobId: entry.job, fence: entry.fence, leaseMs: leases.leaseMs });
  if (job === null) return;
  const held = leases.hold(job.claim, claimedAt);
  try {
    await work(job, held);
  } finally {
    held.release();
    onDone();
  }
}

const PAUSE_MS = 250;

/**
 * Writes an outcome, and repeats the write while Postgres is down: the answer of an EMR or a receiver must not be lost.
 * Repeating is safe, because the write is fenced: if an earlier one was committed, the next finds nothing to do. Gives up
 * when the lease has run out; the next holder then asks the EMR.
 *
 * @returns true when the claim was still ours.
 */
export async function persist(held: Held, write: () => Promise<boolean>): Promise<boolean> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || !held.isSafe()) throw error;
      await pause(PAUSE_MS);
    }
  }
}
