/**
 * The suite's clock. Shorter than production's, so that leases pass to another worker and answers are given up many
 * times in a minute; the order of the bounds is production's.
 */
export const TIMING = {
  /** LEASE_MS of the workers. */
  leaseMs: 3_000,
  /** One exchange with the EMR. */
  emrTimeoutMs: 1_500,
  /** How long the EMR may be at work on a request whose answer was lost: longer than any freeze of it that is injected. */
  settleMs: 6_000,
  /** A client's patience with one request. */
  clientTimeoutMs: 5_000,
  /** After this a client gives up for good. */
  clientGivesUpMs: 60_000,
} as const;
