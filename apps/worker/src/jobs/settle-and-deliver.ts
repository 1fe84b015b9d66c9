import type { Claimant, ClaimedDelivery, Settlement } from '@emr-payments/db';
import { type Place, untraced } from '@emr-payments/runtime';
import type { ClaimedJob, JobDeps } from './deps.ts';

/** The most deliveries that one settlement claims. Their places are taken before it is known how many endpoints want the event. */
const MOST = 2;

/** Takes free places for deliveries; none while a settlement feeds nothing, because then it claims nothing. */
function takePlaces({ handOver, here }: Pick<JobDeps, 'handOver' | 'here'>): Place[] {
  const places: Place[] = [];
  while (handOver?.isOpen() === true && places.length < MOST) {
    const place = here?.takePlace() ?? null;
    if (place === null) break;
    places.push(place);
  }
  return places;
}

/**
 * Settles a payment, and begins the deliveries that a settlement which comes alone has claimed for this process: they need neither the queue
 * nor a claim of their own (docs/decisions/0028-delivered-where-it-is-settled.md). They begin after the step, so that a worker which ends in
 * between leaves the claims without a holder, as one that ends after a claim for an entry of the queue.
 *
 * @returns as `settlePayment`.
 */
export async function settleAndDeliver(
  deps: Pick<JobDeps, 'database' | 'steps' | 'leases' | 'handOver' | 'here'>,
  settlement: Settlement,
): Promise<boolean> {
  const { database, steps, leases, handOver, here } = deps;
  const places = takePlaces(deps);
  const taken: ClaimedJob<ClaimedDelivery>[] = [];
  const claimant: Claimant = {
    places: places.length,
    leaseMs: leases.leaseMs,
    take: (claimed, claimedAt) => void taken.push({ claimed, claimedAt }),
  };
  try {
    const settled = await steps.settlePayment(
      { database, ...(handOver === undefined ? {} : { handOver, claimant }) },
      settlement,
    );
    for (const [n, delivery] of taken.entries())
      places[n]?.use((leavePlace) => untraced(async () => here?.deliver({ ...delivery, leavePlace })));
    return settled;
  } finally {
    for (const place of places) place.giveBack();
  }
}
