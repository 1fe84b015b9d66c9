import type { Database } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import type { Keyring, Logger } from '@emr-payments/runtime';
import type { SendDeps } from '@emr-payments/webhooks';
import type { LeaseKeeper } from './loops/leases.ts';
import type { WorkerMetrics } from './metrics.ts';

/** What the job handlers work with. Made in main.ts. */
export type JobDeps = {
  database: Pick<Database, 'pool' | 'grouped'>;
  logger: Logger;
  leases: LeaseKeeper;
  metrics: WorkerMetrics;
  adapters: Adapters;
  keyring: Keyring;
  webhooks: SendDeps;
  /** For how long a payment is tried. */
  horizonMs: number;
  /** A lane has room again. */
  onDone: () => void;
};
