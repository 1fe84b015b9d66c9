import type { ClaimedDelivery } from '@emr-payments/db';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { DELIVERY_WAITS, OWN_FAULT_TROUBLE, reportOwnFault } from './own-fault.ts';
import { persist } from './under-claim.ts';

/** A person removes the fault: a minute is soon enough after that, and seldom enough before. */
const LONGEST_DELAY_MS = 60_000;

/**
 * Puts a delivery back after a fault of ours: logged and counted, and without using up its schedule, which is for failures of
 * the receiver.
 *
 * @param input.ourFault `not_recorded`: it was sent, and the attempt could not be recorded. The receiver gets it again.
 */
export async function postponeDelivery(
  deps: Pick<JobDeps, 'database' | 'logger' | 'metrics' | 'steps'>,
  input: {
    delivery: ClaimedDelivery;
    held: Held;
    error: unknown;
    ourFault: 'prevented' | 'not_recorded';
  },
): Promise<void> {
  const { delivery, held, error, ourFault } = input;
  const { claim, event, endpoint, deliveryId } = delivery;
  const ids = { event_id: event.id, endpoint_id: endpoint.id, delivery_id: deliveryId };
  reportOwnFault(deps, {
    error,
    job: 'delivery',
    fields: {
      ...ids,
      job_id: claim.jobId,
      fence: claim.fence,
      ...(ourFault === 'not_recorded' ? { count: delivery.recordFailures + 1 } : {}),
    },
  });
  const { code } = OWN_FAULT_TROUBLE;
  const delayMs = Math.round((LONGEST_DELAY_MS * (1 + Math.random())) / 2);
  const waiting = { claim, delayMs, code, reason: DELIVERY_WAITS, ourFault };
  const back = await persist(deps, { held, of: ids }, () => deps.steps.postponeJob(deps, waiting));
  if (back === null) deps.metrics.staleClaim();
}
