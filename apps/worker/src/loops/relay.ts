import { createFeed, type Database, type DueJob, listenForJobs } from '@emr-payments/db';
import { every, type Logger, type QueueName, type Transport } from '@emr-payments/runtime';

export type Relay = {
  /** Jobs may be due: new ones were written, or a lane has room again. Cheap while the relay is running. */
  wake(): void;
  close(): Promise<void>;
};

const BATCH = 500;

/** Finds retries that have come due, and jobs whose notification was missed. */
const POLL_MS = 500;

const QUEUE_OF: Record<DueJob['kind'], QueueName> = {
  post_payment: 'post-payment',
  deliver_webhook: 'deliver-webhook',
};

/**
 * Moves due jobs from Postgres to BullMQ, in bulk. A job is marked as queued first and handed over second: if this process
 * dies between the two, the sweeper finds the job unclaimed. While the queue is down, the poll goes on and so does the sweep.
 */
export function startRelay(
  {
    database,
    transport,
    logger,
  }: { database: Pick<Database, 'inTurn'>; transport: Pick<Transport, 'ping' | 'add'>; logger: Logger },
  { databaseUrl }: { databaseUrl: string },
): Relay {
  let failing = false;
  const take = createFeed({ database });

  async function feed(): Promise<void> {
    // Jobs that are marked while the queue is down would only have to be taken back by the sweeper.
    await transport.ping();
    const due = await take(BATCH);
    for (const kind of ['post_payment', 'deliver_webhook'] as const) {
      const entries = due.filter((job) => job.kind === kind).map(({ id, fence }) => ({ job: id, fence }));
      if (entries.length > 0) await transport.add(QUEUE_OF[kind], entries);
    }
    if (due.length === BATCH) loop.wake();
    if (failing) logger.info({}, 'the relay feeds the queue again');
    failing = false;
  }

  function onError(err: unknown): void {
    if (!failing) logger.warn({ err }, 'the relay cannot feed the queue, and keeps trying');
    failing = true;
  }

  const loop = every({ run: feed, onError }, { intervalMs: POLL_MS });
  const listener = listenForJobs({ url: databaseUrl, onJobs: loop.wake });

  return {
    wake: loop.wake,
    async close() {
      await Promise.all([loop.stop(), listener.close()]);
    },
  };
}
