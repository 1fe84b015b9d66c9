import { Gauge, type Registry } from 'prom-client';
import { isLogWritten } from './logger.ts';
import { createReadiness, type ReadinessChecks } from './readiness.ts';

/** A scrape waits no longer than this for a part. */
const CHECK_MS = 2_000;
/** Scrapes that follow each other closely share one result. */
const REUSE_MS = 250;

/**
 * Adds gauges that say at each scrape whether this process can use PostgreSQL and the queue, by the checks of its readiness, whether its log is written,
 * and how wrong its clock is.
 *
 * @param input.clockAheadMs what the last check of PostgreSQL has found; undefined before the first.
 */
export function addPartGauges({
  registry,
  checks,
  clockAheadMs,
}: {
  registry: Registry;
  checks: ReadinessChecks;
  clockAheadMs: () => number | undefined;
}): void {
  const readiness = createReadiness(
    { checks, stopping: () => false },
    { needsQueue: false, withinMs: CHECK_MS, reuseMs: REUSE_MS },
  );
  new Gauge({
    name: 'emr_payments_usable',
    help: '1 when this process can use the part: write to PostgreSQL, find there the schema that it needs, write to the queue, write its log.',
    labelNames: ['part'],
    registers: [registry],
    async collect() {
      const { postgres, schema, queue } = await readiness.read();
      this.set({ part: 'postgres' }, postgres === 'up' ? 1 : 0);
      this.set({ part: 'schema' }, schema === 'current' ? 1 : 0);
      this.set({ part: 'queue' }, queue === 'up' ? 1 : 0);
      this.set({ part: 'log' }, isLogWritten() ? 1 : 0);
    },
  });
  new Gauge({
    name: 'emr_payments_clock_ahead_seconds',
    help: "How far the clock of this machine is ahead of PostgreSQL's, negative where it is behind.",
    registers: [registry],
    async collect() {
      await readiness.read();
      this.set((clockAheadMs() ?? 0) / 1000);
    },
  });
}
