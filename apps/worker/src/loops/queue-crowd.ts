import type { DueJob, JobKind } from '@emr-payments/db';
import { type Transport, within } from '@emr-payments/runtime';
import { QUEUE_OF } from './queue-group.ts';

/** With so many entries waiting, a queue is crowded: some thousand a second are taken before it is asked again. */
const CROWDED = 64;

/** A queue that is not crowded is asked again after so many jobs. */
const ASK_AFTER_JOBS = 50;

/** A crowded queue is asked this often. */
const ASK_EVERY_MS = 20;

const ASK_MS = 1_000;

/** Which queues have enough to do. */
export type QueueCrowd = {
  /**
   * True when enough entries wait in the queue for the workers. Further jobs stay in their lanes, which take turns; in the queue they
   * would be first in, first out.
   */
  isCrowded(kind: JobKind): boolean;
  /** Notes jobs that were handed over. */
  handed(jobs: readonly DueJob[]): void;
  /** Asks no more. */
  close(): void;
};

/**
 * Watches how much waits in the queues. A queue that does not answer counts as not crowded: the relay finds out by itself whether it is up.
 *
 * @param deps.onRoom called when a queue is not crowded any more.
 */
export function watchCrowd({
  transport,
  onRoom,
}: {
  transport: Pick<Transport, 'waiting'>;
  onRoom: () => void;
}): QueueCrowd {
  type Watched = { isCrowded: boolean; jobs: number; asking: boolean; timer?: NodeJS.Timeout };
  const watched = new Map<JobKind, Watched>();
  let closed = false;

  async function ask(kind: JobKind, of: Watched): Promise<void> {
    if (of.asking || closed) return;
    of.asking = true;
    of.jobs = 0;
    const before = of.isCrowded;
    const waiting = await within(ASK_MS, transport.waiting(QUEUE_OF[kind])).catch(() => 0);
    of.asking = false;
    of.isCrowded = waiting >= CROWDED;
    if (closed) return;
    if (of.isCrowded) of.timer = setTimeout(ask, ASK_EVERY_MS, kind, of).unref();
    else if (before) onRoom();
  }

  return {
    isCrowded: (kind) => watched.get(kind)?.isCrowded ?? false,
    handed(jobs) {
      for (const { kind } of jobs) {
        const of = watched.get(kind) ?? { isCrowded: false, jobs: 0, asking: false };
        watched.set(kind, of);
        of.jobs += 1;
        if (of.jobs >= ASK_AFTER_JOBS && !of.isCrowded) void ask(kind, of);
      }
    },
    close() {
      closed = true;
      for (const { timer } of watched.values()) clearTimeout(timer);
    },
  };
}
