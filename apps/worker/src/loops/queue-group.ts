import type { DueJob, JobKind } from '@emr-payments/db';
import type { Logger, QueueName, Transport } from '@emr-payments/runtime';

export const QUEUE_OF: Record<JobKind, QueueName> = {
  post_payment: 'post-payment',
  deliver_webhook: 'deliver-webhook',
  sync_connection: 'sync-connection',
};

/** A queue that has taken something so recently is believed to be up: asking before each feed would make every job later. */
const BELIEVED_MS = 1_000;

/** Queues that one server carries, and what the relay knows about them. */
export type QueueGroup = {
  has(kind: JobKind): boolean;
  /** True while the last that was written to it is recent, and nothing failed since. */
  isUp(): boolean;
  /** Finds out whether it is up. Resolves at once when that is known, and when it was down before: `onUp` is called once it answers. */
  look(): Promise<void>;
  /** Hands over the jobs of its kinds; it is down when that fails. */
  hand(jobs: readonly DueJob[]): Promise<void>;
  /** A feed has ended that this group took part in. @returns false when its jobs could not be handed over. */
  fed(): boolean;
};

/** Each change between up and down is logged once. */
export function openQueueGroup(
  {
    transport,
    logger,
    onUp,
  }: { transport: Pick<Transport, 'ping' | 'add'>; logger: Logger; onUp: () => void },
  queues: readonly [QueueName, ...QueueName[]],
): QueueGroup {
  let failing = false;
  let reported = false;
  let wroteAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  function failed(err: unknown): void {
    if (!reported) {
      logger.warn({ err, queue: queues.join(', ') }, 'the relay cannot feed the queue, and keeps trying');
    }
    failing = true;
    reported = true;
  }

  async function ask(): Promise<void> {
    try {
      await transport.ping(queues[0]);
    } catch (error) {
      failed(error);
      return;
    } finally {
      asking = undefined;
    }
    wroteAt = performance.now();
    if (!failing) return;
    failing = false;
    onUp();
  }

  const isUp = () => !failing && performance.now() - wroteAt < BELIEVED_MS;

  async function add(name: QueueName, jobs: readonly DueJob[]): Promise<void> {
    const entries = jobs
      .filter(({ kind }) => QUEUE_OF[kind] === name)
      .map(({ id, fence, queuedAt }) => ({ job: id, fence, queuedAt }));
    if (entries.length === 0) return;
    await transport.add(name, entries);
    wroteAt = performance.now();
  }

  return {
    has: (kind) => queues.includes(QUEUE_OF[kind]),
    isUp,
    async look() {
      if (isUp()) return;
      asking ??= ask();
      // A server that is frozen takes seconds to be given up. Once it is known to be down, the feed of the others does not wait for it.
      if (!failing) await asking;
    },
    // The sweeper takes back a job that could not be handed over, like one whose relay died after the mark.
    hand: (jobs) => Promise.all(queues.map((name) => add(name, jobs))).then(() => undefined, failed),
    fed() {
      if (failing) return false;
      if (reported) logger.info({ queue: queues.join(', ') }, 'the relay feeds the queue again');
      reported = false;
      return true;
    },
  };
}
