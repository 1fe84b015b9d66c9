/**
 * The suite's time limits. They are shorter than production's, so that leases move to another worker and requests time out
 * many times per minute, but their order by size is the same.
 */
export const TIMING = {
  /** The workers' LEASE_MS. */
  leaseMs: 3_000,
  /** Time limit of one exchange with the EMR. */
  emrTimeoutMs: 1_500,
  /** How long an EMR that answers before it posts needs to post. */
  laterMs: 1_000,
  /** How long the EMR may still process a request whose answer was lost: longer than any injected freeze of the EMR. */
  settleMs: 6_000,
  /** A client's time limit for one request. */
  clientTimeoutMs: 5_000,
  /** The time after which a client stops repeating its request. */
  clientGivesUpMs: 60_000,
} as const;
