import { fromTheStart, type Registry } from '@emr-payments/runtime/metrics';
import { Counter, Gauge } from 'prom-client';

const REPAIR_REASONS = ['lease_expired', 'unclaimed'] as const;
const PARTITION_WORK = ['make', 'drop'] as const;

/** Counts what the loops of a worker do. */
export type CountedUpkeep = {
  /** Counts jobs that the sweeper took back. */
  repaired(repair: { reason: (typeof REPAIR_REASONS)[number]; count: number }): void;
  /** Counts a time that partitions could not be made ahead, or old ones not be dropped. */
  partitionFailure(failure: { what: (typeof PARTITION_WORK)[number] }): void;
  /** Notes that a run of the loop has succeeded. */
  succeeded(loop: 'relay' | 'sweep'): void;
};

export function countUpkeep(registry: Registry): CountedUpkeep {
  const registers = [registry];
  const repairs = fromTheStart(
    new Counter({
      name: 'emr_payments_sweeper_repairs_total',
      help: 'Jobs that no worker held and that the sweeper took back.',
      labelNames: ['reason'],
      registers,
    }),
    { reason: REPAIR_REASONS },
  );
  const partitionFailures = fromTheStart(
    new Counter({
      name: 'emr_payments_partition_failures_total',
      help: 'Times that partitions could not be made ahead, or old ones not be dropped.',
      labelNames: ['what'],
      registers,
    }),
    { what: PARTITION_WORK },
  );
  const last = {
    relay: new Gauge({
      name: 'emr_payments_last_relay_timestamp_seconds',
      help: 'When the relay of this process last gave the queue what was due, or found that nothing was; 0 before the first time.',
      registers,
    }),
    sweep: new Gauge({
      name: 'emr_payments_last_sweep_timestamp_seconds',
      help: 'When this process last looked for jobs that no worker holds; 0 before the first time.',
      registers,
    }),
  };
  return {
    repaired: ({ reason, count }) => repairs.inc({ reason }, count),
    partitionFailure: ({ what }) => partitionFailures.inc({ what }),
    succeeded: (loop) => last[loop].setToCurrentTime(),
  };
}
