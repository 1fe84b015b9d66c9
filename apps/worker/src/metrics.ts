import { type Database, measureWork } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import { createRegistry, type Registry } from '@emr-payments/runtime/metrics';
import { type CountedUpkeep, countUpkeep } from './metrics/count-upkeep.ts';
import { type CountedWork, countWork } from './metrics/count-work.ts';
import { addWorkGauges } from './metrics/work-gauges.ts';

export type { Work } from './metrics/count-work.ts';

/** The metrics of one worker. Every label takes few, fixed values: docs/metrics.md lists them. */
export type WorkerMetrics = CountedWork & CountedUpkeep & { registry: Registry };

/** A scrape does not wait longer than this for PostgreSQL. */
const MEASURE_MS = 2_000;

/**
 * Gauges are read from Postgres at each scrape, so `/metrics` of any one worker shows them for all workers. While Postgres does
 * not answer, they are left out, and `emr_payments_work_measured` is 0: an old number would look like a new one.
 */
export function createWorkerMetrics({ database }: { database: Pick<Database, 'pool'> }): WorkerMetrics {
  const registry = createRegistry({ process: 'worker' });
  const measure = shared(() => measureWork({ database }));
  addWorkGauges(registry, () => within(MEASURE_MS, measure()).catch(() => null));
  return { registry, ...countWork(registry), ...countUpkeep(registry) };
}

/** Gauges are collected concurrently: those of one scrape, and of scrapes at the same time, share one set of queries. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= read().finally(() => {
      running = undefined;
    });
    return running;
  };
}
