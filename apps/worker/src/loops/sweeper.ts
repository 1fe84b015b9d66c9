import type { Database, QueueWaits } from '@emr-payments/db';
import { every, type Logger, type Transport, within } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';
import type { JobSteps } from '../steps.ts';

const INTERVAL_MS = 1_000;

/** The most jobs that one sweep takes back. High enough that the contents of a wiped Redis are queued again within seconds. */
const LIMIT = 5_000;

/** A job that no worker has claimed for this long, and that does not wait in the queue, is taken back. */
const UNCLAIMED_MS = 5_000;

/** A queue that does not answer must not keep the jobs of dead workers waiting. */
const ASK_MS = 1_000;

/** While the queue cannot be asked, every job may be waiting in it: none is taken back for having no claim. */
const ALL_MAY_WAIT: QueueWaits = { post_payment: 0, deliver_webhook: 0, sync_connection: 0 };

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
  let blind = false;

  function record(reason: 'lease_expired' | 'unclaimed', count: number): void {
    if (count === 0) return;
    deps.metrics.repaired({ reason, count });
    deps.logger.warn({ count, code: reason }, 'took back jobs that no worker holds');
  }

  async function waitsOfQueue(): Promise<QueueWaits> {
    try {
      const since = await within(ASK_MS, deps.transport.waitingSince());
      blind = false;
      return {
        post_payment: since['post-payment'],
        deliver_webhook: since['deliver-webhook'],
        sync_connection: since['sync-connection'],
      };
    } catch (err) {
      if (!blind) deps.logger.warn({ err }, 'the sweeper cannot read the queue, and keeps trying');
      blind = true;
      return ALL_MAY_WAIT;
    }
  }

  async function sweep(): Promise<void> {
    const swept = await deps.steps.sweepJobs(
      { database: deps.database },
      { unclaimedMs: UNCLAIMED_MS, limit: LIMIT, waiting: await waitsOfQueue() },
    );
    record('lease_expired', swept.expired);
    record('unclaimed', swept.unclaimed);
    deps.metrics.succeeded('sweep');
  }

  const loop = every(
    { run: sweep, onError: (err) => deps.logger.warn({ err }, 'could not sweep') },
    { intervalMs: INTERVAL_MS },
  );
  return { close: loop.stop };
}
