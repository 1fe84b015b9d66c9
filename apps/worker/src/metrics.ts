import { type Database, measureWork, type WorkMeasures } from '@emr-payments/db';
import { createRegistry, type Registry } from '@emr-payments/runtime';
import { Counter, Gauge, Histogram } from 'prom-client';

/** What a worker counts. Every label is a small closed set: docs/operating.md lists them. */
export type WorkerMetrics = {
  registry: Registry;
  /** A claim on a payment has ended: what it became, at which adapter, and how long the claim was held. */
  posting(end: { adapter: string; outcome: string; seconds: number }): void;
  /** An attempt at an endpoint has ended; `result` is `delivered` or the kind of failure. */
  delivery(end: { result: string; seconds: number }): void;
  repaired(repair: { reason: 'lease_expired' | 'unclaimed'; count: number }): void;
  /** A holder found that its claim had passed on. */
  staleClaim(): void;
};

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** Gauges are read from Postgres when they are asked for: `/metrics` of any one worker tells them for all. */
export function createWorkerMetrics({ database }: { database: Pick<Database, 'pool'> }): WorkerMetrics {
  const registry = createRegistry();
  const registers = [registry];
  const postings = new Counter({
    name: 'emr_payments_postings_total',
    help: 'Claims on payments that have ended, by what the payment became.',
    labelNames: ['adapter', 'outcome'],
    registers,
  });
  const postingSeconds = new Histogram({
    name: 'emr_payments_posting_seconds',
    help: 'From the claim to what was written down, the call to the EMR included.',
    labelNames: ['adapter'],
    buckets: SECONDS,
    registers,
  });
  const deliveries = new Counter({
    name: 'emr_payments_delivery_attempts_total',
    help: 'Attempts to deliver an event, by result.',
    labelNames: ['result'],
    registers,
  });
  const deliverySeconds = new Histogram({
    name: 'emr_payments_delivery_seconds',
    help: 'One exchange with a receiver.',
    buckets: SECONDS,
    registers,
  });
  const repairs = new Counter({
    name: 'emr_payments_sweeper_repairs_total',
    help: "Jobs that were in nobody's hands and were taken back.",
    labelNames: ['reason'],
    registers,
  });
  const stale = new Counter({
    name: 'emr_payments_stale_claims_total',
    help: 'Holders that found that their claim had passed to another worker.',
    registers,
  });
  addWorkGauges(
    registers,
    shared(() => measureWork({ database })),
  );

  return {
    registry,
    posting({ adapter, outcome, seconds }) {
      postings.inc({ adapter, outcome });
      postingSeconds.observe({ adapter }, seconds);
    },
    delivery({ result, seconds }) {
      deliveries.inc({ result });
      deliverySeconds.observe(seconds);
    },
    repaired: ({ reason, count }) => repairs.inc({ reason }, count),
    staleClaim: () => stale.inc(),
  };
}

/** Metrics are collected side by side: those of one scrape share one look. */
function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  };
}

function addWorkGauges(registers: Registry[], measure: () => Promise<WorkMeasures>): void {
  new Gauge({
    name: 'emr_payments_jobs',
    help: 'Live jobs by state.',
    labelNames: ['kind', 'state'],
    registers,
    async collect() {
      const { jobs } = await measure();
      this.reset();
      for (const { kind, state, count } of jobs) this.set({ kind, state }, count);
    },
  });
  new Gauge({
    name: 'emr_payments_oldest_due_job_seconds',
    help: 'How long the oldest job that is due has been waiting for a worker.',
    labelNames: ['kind'],
    registers,
    async collect() {
      for (const { kind, seconds } of (await measure()).oldestDue) this.set({ kind }, seconds);
    },
  });
  new Gauge({
    name: 'emr_payments_open_circuits',
    help: 'Far ends that are left alone for now because they keep failing.',
    labelNames: ['kind'],
    registers,
    async collect() {
      for (const { kind, count } of (await measure()).openCircuits) this.set({ kind }, count);
    },
  });
}
