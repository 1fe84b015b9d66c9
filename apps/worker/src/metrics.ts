import { type Database, measureWork, type WorkMeasures } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import { createRegistry, type Registry } from '@emr-payments/runtime/metrics';
import { Counter, Gauge, Histogram } from 'prom-client';

/** What a job of each kind does, as a label. */
export type Work = 'posting' | 'delivery' | 'sync';

/** The counters of one worker. Every label takes few, fixed values: docs/operating.md lists them. */
export type WorkerMetrics = {
  registry: Registry;
  /** Counts a claim on a payment that has ended. `outcome` is the payment's new state, `seconds` how long the claim was held. */
  posting(end: { adapter: string; outcome: string; seconds: number }): void;
  /** Counts an attempt at an endpoint that has ended; `result` is `delivered` or the kind of failure. */
  delivery(end: { result: string; seconds: number }): void;
  /** Counts jobs that the sweeper took back. */
  repaired(repair: { reason: 'lease_expired' | 'unclaimed'; count: number }): void;
  /** Counts a fault of ours that stopped a job: configuration, sealing, code, or an end that the database refused. */
  ownFault(fault: { job: Work }): void;
  /** Counts a sync that has ended. */
  sync(end: { adapter: string; outcome: 'done' | 'failed' | 'canceled' }): void;
  /** Counts a payment that has had the same answer 10 times in a row, and again at 20, 40, 80 … */
  repeatedAnswer(repeat: { adapter: string }): void;
  /** Counts a claim whose outcome was not recorded, because it had passed to another worker. */
  staleClaim(): void;
  /** Counts a time that partitions could not be made ahead, or old ones not be dropped. */
  partitionFailure(failure: { what: 'make' | 'drop' }): void;
};

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

/** A scrape does not wait longer than this for PostgreSQL. */
const MEASURE_MS = 2_000;

/**
 * Gauges are read from Postgres at each scrape, so `/metrics` of any one worker shows them for all workers. While Postgres does
 * not answer, they are left out, and `emr_payments_work_measured` is 0: an old number would look like a new one.
 */
export function createWorkerMetrics({ database }: { database: Pick<Database, 'pool'> }): WorkerMetrics {
  const registry = createRegistry();
  const registers = [registry];
  const postings = new Counter({
    name: 'emr_payments_postings_total',
    help: 'Claims on payments that have ended, by the state that the payment got.',
    labelNames: ['adapter', 'outcome'],
    registers,
  });
  const postingSeconds = new Histogram({
    name: 'emr_payments_posting_seconds',
    help: 'Seconds from the claim on a payment to the record of its outcome, the call to the EMR included.',
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
    help: 'Seconds of one exchange with a receiver.',
    buckets: SECONDS,
    registers,
  });
  const repairs = new Counter({
    name: 'emr_payments_sweeper_repairs_total',
    help: 'Jobs that no worker held and that the sweeper took back.',
    labelNames: ['reason'],
    registers,
  });
  const stale = new Counter({
    name: 'emr_payments_stale_claims_total',
    help: 'Claims that had passed to another worker before their outcome was recorded.',
    registers,
  });
  const ownFaults = new Counter({
    name: 'emr_payments_own_faults_total',
    help: 'Tries of a job that a fault of ours stopped: configuration, keys, code, or an end that the database refused.',
    labelNames: ['job'],
    registers,
  });
  const syncs = new Counter({
    name: 'emr_payments_syncs_total',
    help: 'Syncs of connections that have ended, by how.',
    labelNames: ['adapter', 'outcome'],
    registers,
  });
  const repeatedAnswers = new Counter({
    name: 'emr_payments_repeated_answers_total',
    help: 'Times that a payment has had the same answer 10, 20, 40, 80 … times in a row.',
    labelNames: ['adapter'],
    registers,
  });
  const partitionFailures = new Counter({
    name: 'emr_payments_partition_failures_total',
    help: 'Times that partitions could not be made ahead, or old ones not be dropped.',
    labelNames: ['what'],
    registers,
  });
  const measure = shared(() => measureWork({ database }));
  addWorkGauges(registers, () => within(MEASURE_MS, measure()).catch(() => null));

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
    ownFault: ({ job }) => ownFaults.inc({ job }),
    sync: ({ adapter, outcome }) => syncs.inc({ adapter, outcome }),
    repeatedAnswer: ({ adapter }) => repeatedAnswers.inc({ adapter }),
    staleClaim: () => stale.inc(),
    partitionFailure: ({ what }) => partitionFailures.inc({ what }),
  };
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

type Sample = { labels: Record<string, string>; value: number };

/** Gauges that show rows of PostgreSQL, and what each of them reads out of one set of queries. */
const WORK_GAUGES: readonly {
  name: string;
  help: string;
  labelNames: string[];
  samples: (work: WorkMeasures) => Sample[];
}[] = [
  {
    name: 'emr_payments_jobs',
    help: 'Live jobs by state; those that are stopped wait behind a hold or a broken login.',
    labelNames: ['kind', 'state'],
    samples: ({ jobs }) => jobs.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
  },
  {
    name: 'emr_payments_oldest_due_job_seconds',
    help: 'Seconds for which the oldest due job has been waiting for a worker. Stopped ones do not count.',
    labelNames: ['kind'],
    samples: ({ oldestDue }) => oldestDue.map(({ kind, seconds }) => ({ labels: { kind }, value: seconds })),
  },
  {
    name: 'emr_payments_repeating_payments',
    help: 'Open payments that have had the same answer 10 times in a row or more.',
    labelNames: [],
    samples: ({ repeating }) => [{ labels: {}, value: repeating }],
  },
  {
    name: 'emr_payments_open_circuits',
    help: 'EMR connections and endpoints that are paused because they keep failing.',
    labelNames: ['kind'],
    samples: ({ openCircuits }) =>
      openCircuits.map(({ kind, count }) => ({ labels: { kind }, value: count })),
  },
  {
    name: 'emr_payments_adapted_endpoints',
    help: 'Endpoints that get more deliveries at once than usual because they keep up, or fewer because they hang or fail.',
    labelNames: ['cap'],
    samples: ({ adaptedCaps }) => adaptedCaps.map(({ cap, count }) => ({ labels: { cap }, value: count })),
  },
  {
    name: 'emr_payments_holds',
    help: 'Holds that are on: posting is stopped for all users, or for so many single ones.',
    labelNames: ['scope'],
    samples: ({ holds }) => holds.map(({ scope, count }) => ({ labels: { scope }, value: count })),
  },
  {
    name: 'emr_payments_ended_logins',
    help: 'Logins at EMRs that have ended: payments wait until a person has logged in again.',
    labelNames: [],
    samples: ({ endedLogins }) => [{ labels: {}, value: endedLogins }],
  },
  {
    name: 'emr_payments_connections',
    help: 'EMR connections of users that are not disabled, by their state; over those in login_required and unreachable nothing is posted.',
    labelNames: ['state'],
    samples: ({ connections }) =>
      connections.map(({ state, count }) => ({ labels: { state }, value: count })),
  },
  {
    name: 'emr_payments_rate_buckets',
    help: 'Limits of requests to EMRs: free for the next call, used up by our calls, or paused because the EMR asked for it.',
    labelNames: ['state'],
    samples: ({ buckets }) => buckets.map(({ state, count }) => ({ labels: { state }, value: count })),
  },
  {
    name: 'emr_payments_partition_days_ahead',
    help: 'Days from now on for which every growing table has a partition. Below zero, rows go to the default partitions.',
    labelNames: [],
    samples: ({ partitions }) => [
      { labels: {}, value: Math.min(...partitions.map(({ daysAhead }) => daysAhead)) },
    ],
  },
  {
    name: 'emr_payments_default_partition_rows',
    help: 'Rows in the default partition of a growing table, counted to 1,000: of times that have come without a partition.',
    labelNames: ['table'],
    samples: ({ partitions }) =>
      partitions.map(({ table, defaultRows }) => ({ labels: { table }, value: defaultRows })),
  },
];

/** @param measure resolves with null when PostgreSQL does not answer. */
function addWorkGauges(registers: Registry[], measure: () => Promise<WorkMeasures | null>): void {
  for (const { name, help, labelNames, samples } of WORK_GAUGES) {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        const work = await measure();
        this.reset();
        // `reset` leaves a gauge without labels at 0, which would be a measurement.
        this.remove({});
        for (const { labels, value } of work === null ? [] : samples(work)) this.set(labels, value);
      },
    });
  }
  new Gauge({
    name: 'emr_payments_work_measured',
    help: '1 when PostgreSQL has answered this scrape; 0 when the gauges of its rows are left out.',
    registers,
    async collect() {
      this.set((await measure()) === null ? 0 : 1);
    },
  });
}
