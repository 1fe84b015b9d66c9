import type { ClaimedDelivery, Database, HandOver } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import type { Keyring, LeavePlace, Logger, OpenedSecrets, Place } from '@emr-payments/runtime';
import type { SendInput, SendOutcome, WebhookKey } from '@emr-payments/webhooks';
import type { LaneTraffic } from '../loops/lane-traffic.ts';
import type { LeaseKeeper } from '../loops/leases.ts';
import type { WorkerMetrics } from '../metrics.ts';
import type { JobSteps } from '../steps.ts';
import type { HealthNotes } from './health-notes.ts';

/** A job that this process has claimed with something else, in one commit. */
export type ClaimedJob<Job> = {
  claimed: Job;
  /** `performance.now()` from before the claim's statement was sent. */
  claimedAt: number;
  leavePlace?: LeavePlace;
};

/** Everything that the job handlers use. Made in start-worker.ts. */
export type JobDeps = {
  database: Pick<Database, 'pool' | 'sets'>;
  steps: JobSteps;
  logger: Logger;
  leases: LeaseKeeper;
  metrics: WorkerMetrics;
  adapters: Adapters;
  /** The same connections for syncs, whose calls leave a vendor's limit to the postings. */
  syncAdapters: Adapters;
  /** Aborted when the process begins to stop. */
  stopping: AbortSignal;
  keyring: Keyring;
  signingKeys: OpenedSecrets<WebhookKey>;
  /** Makes one attempt to deliver an event: `sendWebhook`. */
  send(request: SendInput): Promise<SendOutcome>;
  /** Counts the attempts at endpoints, by which their lanes adapt. */
  traffic: LaneTraffic;
  /** Notes what each exchange with an EMR says about its connection. */
  health: HealthNotes;
  /** Milliseconds after which a payment is no longer retried. */
  horizonMs: number;
  /** Takes the deliveries that a settlement has fed. */
  handOver?: HandOver;
  /** The places of this process for deliveries, and what delivers in one of them: for those that a settlement has claimed. */
  here?: { takePlace(): Place | null; deliver(taken: ClaimedJob<ClaimedDelivery>): Promise<void> };
  /** Called when a job has ended and its lane has room again. */
  onDone: () => void;
};
