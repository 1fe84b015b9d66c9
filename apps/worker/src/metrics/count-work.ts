import { JOB_KINDS, type JobKind } from '@emr-payments/db';
import { adapterNames } from '@emr-payments/emr';
import type { LeavePlace } from '@emr-payments/runtime';
import { everyMember, fromTheStart, type Registry } from '@emr-payments/runtime/metrics';
import type { FailureKind } from '@emr-payments/webhooks';
import { Counter, Gauge, Histogram } from 'prom-client';

/** The label of each kind of job in the metrics. */
export const WORKS = ['posting', 'delivery', 'sync'] as const;
export type Work = (typeof WORKS)[number];

/** The states that a payment can have after a claim. One that is not among these does not compile where it is counted. */
const POSTING_OUTCOMES = ['posted', 'failed', 'needs_review', 'retrying', 'submitted'] as const;
const SYNC_OUTCOMES = ['done', 'failed', 'canceled'] as const;

/** Counts what the handlers of the jobs do. */
export type CountedWork = {
  /** Counts a claim on a payment that has ended. `outcome` is the payment's new state, `seconds` how long the claim was held. */
  posting(end: { adapter: string; outcome: (typeof POSTING_OUTCOMES)[number]; seconds: number }): void;
  /** Counts an attempt at an endpoint that has ended; `result` is `delivered` or the kind of failure. */
  delivery(end: { result: string; seconds: number }): void;
  /** Counts a fault of ours that stopped a job: configuration, sealing, code, or an end that the database refused. */
  ownFault(fault: { job: Work }): void;
  /** Counts a sync that has ended. */
  sync(end: { adapter: string; outcome: (typeof SYNC_OUTCOMES)[number] }): void;
  /** Counts a payment that has had the same answer 10 times in a row, and again at 20, 40, 80 … */
  repeatedAnswer(repeat: { adapter: string }): void;
  /** Counts a claim whose outcome was not recorded, because it had passed to another worker. */
  staleClaim(): void;
  /**
   * Shows how many places this process has for the jobs of a kind, and how many of them are taken.
   *
   * @returns the handler, which takes a place while it runs.
   */
  inPlaces<Taken extends { leavePlace?: LeavePlace }>(
    places: { kind: JobKind; most: number },
    handler: (taken: Taken) => Promise<void>,
  ): (taken: Taken) => Promise<void>;
};

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15];

export function countWork(registry: Registry): CountedWork {
  const registers = [registry];
  const adapter = adapterNames;
  const ends = (what: { name: string; help: string }, outcome: readonly string[]) =>
    fromTheStart(new Counter({ ...what, labelNames: ['adapter', 'outcome'], registers }), {
      adapter,
      outcome,
    });
  const postings = ends(
    {
      name: 'emr_payments_postings_total',
      help: 'Claims on payments that have ended, by the state that the payment got.',
    },
    POSTING_OUTCOMES,
  );
  const postingSeconds = fromTheStart(
    new Histogram({
      name: 'emr_payments_posting_seconds',
      help: 'Seconds from the claim on a payment to the record of its outcome, the call to the EMR included.',
      labelNames: ['adapter'],
      buckets: SECONDS,
      registers,
    }),
    { adapter },
  );
  const deliveries = fromTheStart(
    new Counter({
      name: 'emr_payments_delivery_attempts_total',
      help: 'Attempts to deliver an event, by result.',
      labelNames: ['result'],
      registers,
    }),
    {
      result: everyMember<'delivered' | FailureKind>({
        delivered: true,
        timeout: true,
        dns: true,
        connect: true,
        tls: true,
        reset: true,
        protocol: true,
        answer_too_large: true,
        http_status: true,
        address_refused: true,
        canceled: true,
      }),
    },
  );
  const deliverySeconds = new Histogram({
    name: 'emr_payments_delivery_seconds',
    help: 'Seconds of one exchange with a receiver.',
    buckets: SECONDS,
    registers,
  });
  const stale = new Counter({
    name: 'emr_payments_stale_claims_total',
    help: 'Claims that had passed to another worker before their outcome was recorded.',
    registers,
  });
  const ownFaults = fromTheStart(
    new Counter({
      name: 'emr_payments_own_faults_total',
      help: 'Tries of a job that a fault of ours stopped: configuration, keys, code, or an end that the database refused.',
      labelNames: ['job'],
      registers,
    }),
    { job: WORKS },
  );
  const syncs = ends(
    { name: 'emr_payments_syncs_total', help: 'Syncs of connections that have ended, by how.' },
    SYNC_OUTCOMES,
  );
  const repeatedAnswers = fromTheStart(
    new Counter({
      name: 'emr_payments_repeated_answers_total',
      help: 'Times that a payment has had the same answer 10, 20, 40, 80 … times in a row.',
      labelNames: ['adapter'],
      registers,
    }),
    { adapter },
  );

  return {
    posting({ adapter, outcome, seconds }) {
      postings.inc({ adapter, outcome });
      postingSeconds.observe({ adapter }, seconds);
    },
    delivery({ result, seconds }) {
      deliveries.inc({ result });
      deliverySeconds.observe(seconds);
    },
    ownFault: ({ job }) => ownFaults.inc({ job }),
    sync: ({ adapter, outcome }) => syncs.inc({ adapter, outcome }),
    repeatedAnswer: ({ adapter }) => repeatedAnswers.inc({ adapter }),
    staleClaim: () => stale.inc(),
    inPlaces: countPlaces(registers),
  };
}

function countPlaces(registers: Registry[]): CountedWork['inPlaces'] {
  const most = new Gauge({
    name: 'emr_payments_places',
    help: 'Jobs of a kind that this process can have under work at once.',
    labelNames: ['kind'],
    registers,
  });
  const taken = new Gauge({
    name: 'emr_payments_places_taken',
    help: 'Places of this process that are taken by jobs under work.',
    labelNames: ['kind'],
    registers,
  });
  const beside = new Gauge({
    name: 'emr_payments_beside_places',
    help: 'Jobs under work in this process that have left their place, because they wait for an EMR or a receiver that is slow.',
    labelNames: ['kind'],
    registers,
  });
  // A worker that waits for the schema has no places yet.
  for (const kind of JOB_KINDS) for (const gauge of [most, taken, beside]) gauge.set({ kind }, 0);
  return (places, handler) => {
    const { kind } = places;
    most.set({ kind }, places.most);
    return async (job) => {
      let counted = taken;
      counted.inc({ kind });
      const leavePlace = () => {
        if (job.leavePlace?.() !== true) return false;
        taken.dec({ kind });
        counted = beside;
        counted.inc({ kind });
        return true;
      };
      try {
        await handler({ ...job, leavePlace });
      } finally {
        counted.dec({ kind });
      }
    };
  };
}
