import { type Claim, type Database, renewLeases } from '@emr-payments/db';
import { every, type Logger, untraced } from '@emr-payments/runtime';

/** A claim that this process holds. */
export type Held = {
  readonly claim: Claim;
  /**
   * Aborted when the claim has passed to another worker, or may have: at the latest when the lease that is known has run out by the
   * monotonic clock, whatever its renewal does. Checked by that clock whenever it is read, too.
   */
  readonly signal: AbortSignal;
  /**
   * True while the lease has certainly not run out: by the monotonic clock, which goes on while a process is frozen, and by the wall clock,
   * which also shows for how long a machine was suspended.
   */
  isSafe(): boolean;
  /** Milliseconds since `claimedAt`. */
  heldMs(): number;
  release(): void;
};

export type LeaseKeeper = {
  readonly leaseMs: number;
  /** @param claimedAt `performance.now()` from before the claim's statement was sent: the lease cannot have begun earlier. */
  hold(claim: Claim, claimedAt: number): Held;
  close(): Promise<void>;
};

/** A lease counts as run out this long before it does: clocks differ a little, and a request takes time to leave. */
const MARGIN_MS = 500;

type Entry = { claim: Claim; safeUntil: number; safeUntilDate: number; lost: AbortController };

/** @param from `performance.now()` from before the statement was sent with which the lease begins. */
function safeUntil(from: number, leaseMs: number): Pick<Entry, 'safeUntil' | 'safeUntilDate'> {
  const until = from + leaseMs - MARGIN_MS;
  return { safeUntil: until, safeUntilDate: Date.now() + until - performance.now() };
}

/**
 * Renews the leases of all claims that this process holds, in one statement, three times in a lease. A process that is
 * killed or frozen stops renewing, and its work passes to another worker.
 */
export function createLeaseKeeper(
  { database, logger }: { database: Pick<Database, 'pool'>; logger: Logger },
  { leaseMs }: { leaseMs: number },
): LeaseKeeper {
  const held = new Set<Entry>();
  /** Claims in the renewal under way or just ended. */
  let renewed = 0;
  /** By the monotonic clock: not later than the first lease held runs out. */
  let timerDue = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function lose(entry: Entry): void {
    if (!held.delete(entry)) return;
    entry.lost.abort(new Error('the claim has passed to another worker'));
    logger.warn({ job_id: entry.claim.jobId, fence: entry.claim.fence }, 'lost a claim');
  }

  /** Makes the timer due at `until` or sooner: PostgreSQL may leave a renewal unanswered for longer than the lease lasts. */
  function watch(until: number): void {
    if (until >= timerDue) return;
    timerDue = until;
    clearTimeout(timer);
    const delayMs = Math.max(0, Math.ceil(until - performance.now()));
    timer = untraced(() => setTimeout(loseEnded, delayMs)).unref();
  }

  /** Loses what has run out, and watches the others: they were renewed or claimed meanwhile, or the timer was early, as Node's can be. */
  function loseEnded(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const entry of held) {
      if (performance.now() >= entry.safeUntil) lose(entry);
      else next = Math.min(next, entry.safeUntil);
    }
    timerDue = Number.POSITIVE_INFINITY;
    watch(next);
  }

  async function renewAll(): Promise<void> {
    const entries = [...held];
    if (entries.length === 0) return;
    renewed = entries.length;
    const sentAt = performance.now();
    const claims = entries.map(({ claim }) => claim);
    const until = safeUntil(sentAt, leaseMs);
    const kept = await renewLeases({ database }, { claims, leaseMs });
    for (const entry of entries) {
      if (kept.has(entry.claim)) Object.assign(entry, until);
      else lose(entry);
    }
  }

  const loop = every(
    {
      run: renewAll,
      onError: (err, isNews) => isNews && logger.warn({ err, count: renewed }, 'could not renew leases'),
    },
    { intervalMs: leaseMs / 3 },
  );

  return {
    leaseMs,
    hold(claim, claimedAt) {
      const entry: Entry = { claim, ...safeUntil(claimedAt, leaseMs), lost: new AbortController() };
      held.add(entry);
      watch(entry.safeUntil);
      return {
        claim,
        get signal() {
          if (performance.now() >= entry.safeUntil) lose(entry);
          return entry.lost.signal;
        },
        isSafe: () =>
          held.has(entry) && performance.now() < entry.safeUntil && Date.now() < entry.safeUntilDate,
        heldMs: () => performance.now() - claimedAt,
        release: () => held.delete(entry),
      };
    },
    close: loop.stop,
  };
}
