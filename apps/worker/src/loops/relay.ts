import { type Database, type DueJob, feedJobs, listenForJobs } from '@emr-payments/db';
import type { Logger, QueueName, Transport } from '@emr-payments/runtime';

export type Relay = {
  /** Something may be due: jobs were written, or a lane has room again. Costs nothing when the relay is at it already. */
  poke(): void;
  close(): Promise<void>;
};

const BATCH = 500;

/** For retries that come due, and for notifications that were missed. */
const POLL_MS = 500;

const QUEUE_OF: Record<DueJob['kind'], QueueName> = {
  post_payment: 'post-payment',
  deliver_webhook: 'deliver-webhook',
};

/**
 * Moves due jobs from Postgres to BullMQ, in bulk. Marked as queued first and handed over second: when this process dies
 * between the two, the sweeper finds them unclaimed. While the queue is down, the poll goes on and so does the sweep.
 */
export function startRelay(
  deps: { database: Pick<Database, 'pool'>; transport: Transport; logger: Logger },
  { databaseUrl }: { databaseUrl: string },
): Relay {
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let failing = false;

  async function feedOnce(): Promise<boolean> {
    // A queue that is down would only take marks that the sweeper has to undo.
    await deps.transport.ping();
    const due = await feedJobs({ database: deps.database }, BATCH);
    for (const kind of ['post_payment', 'deliver_webhook'] as const) {
      const entries = due.filter((job) => job.kind === kind).map(({ id, fence }) => ({ job: id, fence }));
      if (entries.length > 0) await deps.transport.add(QUEUE_OF[kind], entries);
    }
    return due.length === BATCH;
  }

  async function run(): Promise<void> {
    do {
      again = false;
      try {
        if (await feedOnce()) again = true;
        if (failing) deps.logger.info({}, 'the relay feeds the queue again');
        failing = false;
      } catch (error) {
        if (!failing) deps.logger.warn({ err: error }, 'the relay cannot feed the queue, and keeps trying');
        failing = true;
        again = false;
      }
    } while (again && !closed);
  }

  function poke(): void {
    if (closed) return;
    again = true;
    running ??= run().finally(() => {
      running = undefined;
      // Poked between the last look and here.
      if (again) poke();
    });
  }

  const timer = setInterval(poke, POLL_MS);
  const listener = listenForJobs({ url: databaseUrl, onJobs: poke });

  return {
    poke,
    async close() {
      closed = true;
      clearInterval(timer);
      await listener.close();
      await running;
    },
  };
}
