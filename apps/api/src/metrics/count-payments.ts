import { fromTheStart, type Registry } from '@emr-payments/runtime/metrics';
import { Counter, Histogram } from 'prom-client';

/** An outcome that is not among these does not compile where it is counted. */
const ACCEPT_OUTCOMES = [
  'accepted',
  'replayed',
  'patient_not_found',
  'patient_lookup_unavailable',
  'key_reused',
  'key_in_flight',
  'invalid_client',
  'user_not_found',
  /** The answer is an error of ours. It is unknown whether the payment was accepted. */
  'error',
] as const;

const LOOK_UP_OUTCOMES = [
  'found',
  'none',
  'several',
  'closed',
  'remembered',
  'no_search',
  'switched_off',
  'no_connection',
  'unusable',
  'login_required',
  'limit_used_up',
  'rate_limited',
  'too_many_unknown',
  'timeout',
  'busy',
  'emr_trouble',
  'replaced',
  'database',
  'our_fault',
  /** Another process has asked the EMR. */
  'elsewhere',
] as const;

export type CountedPayments = {
  /** Counts a request to accept a payment by its outcome. */
  accepted(outcome: (typeof ACCEPT_OUTCOMES)[number]): void;
  /** Counts a look-up of a patient by its outcome. */
  lookedUp(outcome: (typeof LOOK_UP_OUTCOMES)[number]): void;
  /** Records the number of requests that shared one commit. */
  batch(rows: number): void;
};

export function countPayments(registry: Registry): CountedPayments {
  const registers = [registry];
  const accepts = fromTheStart(
    new Counter({
      name: 'emr_payments_accepts_total',
      help: 'Requests to accept a payment, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    { outcome: ACCEPT_OUTCOMES },
  );
  const batches = new Histogram({
    name: 'emr_payments_accept_batch_rows',
    help: 'Requests that shared one commit.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const lookUps = fromTheStart(
    new Counter({
      name: 'emr_payments_patient_lookups_total',
      help: 'Look-ups of patients whom payments named and who were not known, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    { outcome: LOOK_UP_OUTCOMES },
  );
  return {
    accepted: (outcome) => accepts.inc({ outcome }),
    lookedUp: (outcome) => lookUps.inc({ outcome }),
    batch: (rows) => batches.observe(rows),
  };
}
