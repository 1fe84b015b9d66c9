import type { Keyring, Logger } from '@emr-payments/runtime';
import { createOpenedSecrets } from '@emr-payments/runtime';
import { createAgents, parseWebhookKey, type Resolve, sendWebhook } from '@emr-payments/webhooks';
import { deliverWebhook } from '../jobs/deliver-webhook.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { openHealthNotes } from '../jobs/health-notes.ts';
import { runPosting } from '../jobs/post-payment.ts';
import { createLaneTraffic } from '../loops/lane-traffic.ts';
import { createLeaseKeeper, type LeaseKeeper } from '../loops/leases.ts';
import { createWorkerMetrics } from '../metrics.ts';
import { type JobSteps, jobSteps } from '../steps.ts';

export {
  createLeaseKeeper,
  deliverWebhook,
  type JobDeps,
  type JobSteps,
  jobSteps,
  type LeaseKeeper,
  runPosting,
};

/** Dependencies that several workers in one process can share, because they hold no state of a payment. */
export type WorkerShared = Pick<JobDeps, 'metrics' | 'keyring' | 'signingKeys' | 'send' | 'traffic'> & {
  close(): void;
};

/**
 * @param input.allowHosts private hosts that webhooks may reach.
 * @param input.resolve takes the place of DNS for webhooks.
 */
export function openWorkerShared({
  database,
  keyring,
  allowHosts = [],
  resolve,
}: {
  database: Parameters<typeof createWorkerMetrics>[0]['database'];
  keyring: Keyring;
  allowHosts?: readonly string[];
  resolve?: Resolve | undefined;
}): WorkerShared {
  const policy = { allowHosts };
  const agents = createAgents({ policy, ...(resolve === undefined ? {} : { resolve }) });
  const signingKeys = createOpenedSecrets({ keyring }, { read: parseWebhookKey });
  return {
    metrics: createWorkerMetrics({ database }),
    keyring,
    signingKeys,
    send: (request) => sendWebhook({ policy, agents }, request),
    traffic: createLaneTraffic(),
    close() {
      agents.close();
      signingKeys.close();
    },
  };
}

/**
 * Makes the dependencies of a worker's handlers. No queue and no loop runs, except those that renew leases and write health notes: the caller
 * calls the handlers.
 */
export function workerCore(
  shared: WorkerShared,
  own: Pick<JobDeps, 'database' | 'steps' | 'adapters' | 'leases' | 'horizonMs'> & { logger: Logger },
): JobDeps {
  const { close: _, ...kept } = shared;
  return {
    ...kept,
    ...own,
    syncAdapters: own.adapters,
    stopping: new AbortController().signal,
    health: openHealthNotes(own),
    onDone: () => undefined,
  };
}
