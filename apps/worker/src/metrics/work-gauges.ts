import type { WorkMeasures } from '@emr-payments/db';
import type { Registry } from '@emr-payments/runtime/metrics';
import { Gauge } from 'prom-client';

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
    help: 'Live jobs by state, counted to 100,000; those that are stopped wait behind a hold or a broken login, those held back for their own lane.',
    labelNames: ['kind', 'state'],
    samples: ({ jobs }) => jobs.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
  },
  {
    name: 'emr_payments_oldest_due_job_seconds',
    help: 'Seconds for which the oldest job that nothing holds back has been waiting for a worker.',
    labelNames: ['kind'],
    samples: ({ oldestDue }) => oldestDue.map(({ kind, seconds }) => ({ labels: { kind }, value: seconds })),
  },
  {
    name: 'emr_payments_jobs_waiting_for_places',
    help: 'Jobs in the queue that would be under work if the workers had more places.',
    labelNames: ['kind'],
    samples: ({ waitingForPlaces }) =>
      waitingForPlaces.map(({ kind, count }) => ({ labels: { kind }, value: count })),
  },
  {
    name: 'emr_payments_needs_review',
    help: 'Payments that wait for a person to say whether they were posted, counted to 1,000.',
    labelNames: [],
    samples: ({ reviews }) => [{ labels: {}, value: reviews }],
  },
  {
    name: 'emr_payments_repeating_payments',
    help: 'Open payments that have had the same answer 10 times in a row or more, counted to 1,000.',
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
    name: 'emr_payments_loss_in_doubt',
    help: '1 while the database may have lost commits, and nothing is posted until an operator has decided.',
    labelNames: [],
    samples: ({ lossInDoubt }) => [{ labels: {}, value: lossInDoubt ? 1 : 0 }],
  },
  {
    name: 'emr_payments_ended_logins',
    help: 'EMR connections of users that are not disabled whose login has ended: payments wait until a person has logged in again.',
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
  {
    name: 'emr_payments_wal_kept_for_slots_bytes',
    help: 'Bytes of the write-ahead log that PostgreSQL keeps for the replication slot that is furthest behind.',
    labelNames: [],
    samples: ({ wal }) => [{ labels: {}, value: wal.keptForSlots }],
  },
  {
    name: 'emr_payments_wal_archive_fails',
    help: '1 while PostgreSQL cannot archive its write-ahead log, and so keeps all of it.',
    labelNames: [],
    samples: ({ wal }) => [{ labels: {}, value: wal.archiveFails ? 1 : 0 }],
  },
];

/**
 * Adds gauges that are measured at each scrape.
 *
 * @param measure resolves with null when PostgreSQL does not answer.
 */
export function addWorkGauges(registry: Registry, measure: () => Promise<WorkMeasures | null>): void {
  const registers = [registry];
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
