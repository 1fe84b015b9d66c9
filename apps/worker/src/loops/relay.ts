import {
  createFeed,
  type Database,
  type DueJob,
  type HandOver,
  JOB_KINDS,
  type JobKind,
  listenForJobs,
} from '@emr-payments/db';
import { every, type Logger, type QueueName, type Transport } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';

export type Relay = {
  /** Jobs may be due: new ones were written, or a lane has room again. Cheap while the relay is running. */
  wake(): void;
  /** Hands jobs to the queue that others have marked as queued in its place. */
  readonly handOver: HandOver;
  close(): Promise<void>;
};

const BATCH = 500;

/** Finds retries that have come due, and jobs whose notification was missed. */
const POLL_MS = 500;

/** A queue that has taken something so recently is believed to be up: asking before each feed would make every job later. */
const BELIEVED_MS = 1_000;

/**
 * A settlement that feeds has the turn of all feeds until its commit is on disk. After each, this process leaves the turn to others for so
 * many times as long: a slow disk makes fewer such settlements, and not later feeds.
 */
const REST_OF_TURN = 4;

const QUEUE_OF: Record<JobKind, QueueName> = {
  post_payment: 'post-payment',
  deliver_webhook: 'deliver-webhook',
  sync_connection: 'sync-connection',
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
    metrics,
  }: {
    database: Pick<Database, 'inTurn'>;
    transport: Pick<Transport, 'ping' | 'add'>;
    logger: Logger;
    metrics: Pick<WorkerMetrics, 'succeeded'>;
  },
  { databaseUrl }: { databaseUrl: string },
): Relay {
  let failing = false;
  let wroteAt = Number.NEGATIVE_INFINITY;
  const take = createFeed({ database });

  /** Jobs that are marked while the queue is down would only have to be taken back by the sweeper. */
  async function queueIsUp(): Promise<void> {
    if (!failing && performance.now() - wroteAt < BELIEVED_MS) return;
    await transport.ping();
    wroteAt = performance.now();
  }

  async function hand(kind: JobKind, due: readonly DueJob[]): Promise<void> {
    const entries = due
      .filter((job) => job.kind === kind)
      .map(({ id, fence, queuedAt }) => ({ job: id, fence, queuedAt }));
    if (entries.length === 0) return;
    await transport.add(QUEUE_OF[kind], entries);
    wroteAt = performance.now();
  }

  async function feed(): Promise<void> {
    await queueIsUp();
    const due = await take(BATCH);
    await Promise.all(JOB_KINDS.map((kind) => hand(kind, due)));
    metrics.succeeded('relay');
    if (due.length === BATCH) loop.wake();
    if (failing) logger.info({}, 'the relay feeds the queue again');
    failing = false;
  }

  function onError(err: unknown): void {
    if (!failing) logger.warn({ err }, 'the relay cannot feed the queue, and keeps trying');
    failing = true;
  }

  const handing = new Set<Promise<void>>();
  let closed = false;
  let restsUntil = Number.NEGATIVE_INFINITY;
  const handOver: HandOver = {
    isOpen() {
      const now = performance.now();
      return !closed && !failing && now - wroteAt < BELIEVED_MS && now >= restsUntil;
    },
    take(jobs, ms) {
      restsUntil = performance.now() + ms * REST_OF_TURN;
      // The sweeper takes back a job that could not be handed over, like one whose relay died after the mark.
      const work = Promise.all(JOB_KINDS.map((kind) => hand(kind, jobs)))
        .then(() => undefined, onError)
        .finally(() => handing.delete(work));
      handing.add(work);
    },
  };

  const loop = every({ run: feed, onError }, { intervalMs: POLL_MS });
  const listener = listenForJobs({ url: databaseUrl, onJobs: loop.wake });

  return {
    wake: loop.wake,
    handOver,
    async close() {
      closed = true;
      await Promise.all([loop.stop(), listener.close(), ...handing]);
    },
  };
}
