import { type Database, JOB_KINDS, type QueueWaits } from '@emr-payments/db';
import { every, type Logger, type QueueName, type Transport, within } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';
import type { JobSteps } from '../steps.ts';
import { QUEUE_OF } from './queue-group.ts';

const INTERVAL_MS = 1_000;

/** The most jobs that one sweep takes back. High enough that the contents of a wiped Redis are queued again within seconds. */
const LIMIT = 5_000;

/** A job that no worker has claimed for this long, and that does not wait in the queue, is taken back. */
const UNCLAIMED_MS = 5_000;

/** A queue that does not answer must not keep the jobs of dead workers waiting. */
const ASK_MS = 1_000;

/** While a queue cannot be asked, every job may be waiting in it: none of its kind is taken back for having no claim. */
const ALL_MAY_WAIT = 0;

/**
 * Takes back jobs that were handed to the queue and that no worker holds, so that the relay feeds them again. Every worker
 * runs a sweeper; a lock in Postgres lets one sweep at a time.
 */
export function startSweeper(deps: {
  database: Pick<Database, 'pool'>;
  transport: Pick<Transport, 'waitingSince'>;
  steps: Pick<JobSteps, 'sweepJobs'>;
  logger: Logger;
  metrics: Pick<WorkerMetrics, 'repaired' | 'succeeded'>;
}): { close(): Promise<void> } {
  const unread = new Set<QueueName>();

  function record(reason: 'lease_expired' | 'unclaimed', count: number): void {
    if (count === 0) return;
    deps.metrics.repaired({ reason, count });
    deps.logger.warn({ count, code: reason }, 'took back jobs that no worker holds');
  }

  async function waitsOf(queue: QueueName): Promise<number | null> {
    try {
      const since = await within(ASK_MS, deps.transport.waitingSince(queue));
      unread.delete(queue);
      return since;
    } catch (err) {
      if (!unread.has(queue))
        deps.logger.warn({ err, queue }, 'the sweeper cannot read the queue, and keeps trying');
      unread.add(queue);
      return ALL_MAY_WAIT;
    }
  }

  async function waitsOfQueues(): Promise<QueueWaits> {
    const waits = JOB_KINDS.map(async (kind) => [kind, await waitsOf(QUEUE_OF[kind])] as const);
    return Object.fromEntries(await Promise.all(waits)) as QueueWaits;
  }

  async function sweep(): Promise<void> {
    const swept = await deps.steps.sweepJobs(
      { database: deps.database },
      { unclaimedMs: UNCLAIMED_MS, limit: LIMIT, waiting: await waitsOfQueues() },
    );
    record('lease_expired', swept.expired);
    record('unclaimed', swept.unclaimed);
    deps.metrics.succeeded('sweep');
  }

  const loop = every(
    { run: sweep, onError: (err, isNews) => isNews && deps.logger.warn({ err }, 'could not sweep') },
    { intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
