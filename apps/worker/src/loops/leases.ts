import { type Claim, type Database, renewLeases } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';

/** A claim in the hands of this process. */
export type Held = {
  readonly claim: Claim;
  /** Aborted when the claim has passed to another worker, or may have. */
  readonly signal: AbortSignal;
  /** Whether the lease certainly has not run out, by this machine's monotonic clock, which a frozen process cannot stop. */
  isSafe(): boolean;
  /** Since the claim was asked for. */
  heldMs(): number;
  release(): void;
};

export type LeaseKeeper = {
  readonly leaseMs: number;
  /** @param claimedAt `performance.now()` from before the claim was asked for: the lease cannot have begun earlier. */
  hold(claim: Claim, claimedAt: number): Held;
  close(): void;
};

/** A lease counts as run out this long before it does: clocks differ a little, and a request takes time to leave. */
const MARGIN_MS = 500;

type Entry = { claim: Claim; safeUntil: number; lost: AbortController };

/**
 * Renews the leases of all that this process holds, in one statement, three times in a lease. A process that is killed
 * or frozen stops renewing, and its work passes on.
 */
export function createLeaseKeeper(
  { database, logger }: { database: Pick<Database, 'pool'>; logger: Logger },
  { leaseMs }: { leaseMs: number },
): LeaseKeeper {
  const held = new Set<Entry>();
  let renewing = false;

  function lose(entry: Entry): void {
    held.delete(entry);
    entry.lost.abort(new Error('the claim has passed to another worker'));
    logger.warn({ job_id: entry.claim.jobId, fence: entry.claim.fence }, 'lost a claim');
  }

  async function renewAll(): Promise<void> {
    if (held.size === 0 || renewing) return;
    renewing = true;
    const asked = [...held];
    const askedAt = performance.now();
    try {
      const kept = await renewLeases({ database }, { claims: asked.map((entry) => entry.claim), leaseMs });
      for (const entry of asked) {
        if (kept.has(entry.claim.jobId)) entry.safeUntil = askedAt + leaseMs - MARGIN_MS;
        else if (held.has(entry)) lose(entry);
      }
    } catch (error) {
      logger.warn({ err: error, count: asked.length }, 'could not renew leases');
    } finally {
      renewing = false;
    }
    for (const entry of asked) if (held.has(entry) && performance.now() > entry.safeUntil) lose(entry);
  }

  const timer = setInterval(() => void renewAll(), leaseMs / 3);

  return {
    leaseMs,
    hold(claim, claimedAt) {
      const entry: Entry = { claim, safeUntil: claimedAt + leaseMs - MARGIN_MS, lost: new AbortController() };
      held.add(entry);
      return {
        claim,
        signal: entry.lost.signal,
        isSafe: () => held.has(entry) && performance.now() < entry.safeUntil,
        heldMs: () => performance.now() - claimedAt,
        release: () => held.delete(entry),
      };
    },
    close() {
      clearInterval(timer);
    },
  };
}
