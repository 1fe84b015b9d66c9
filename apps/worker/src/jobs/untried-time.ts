/** A payment that was due for so long before its try has lost that time to us, not to its EMR. */
const LONG_UNTRIED_MS = 3_600_000;

/**
 * True when a limit of a payment has passed, and would not have without the time for which the payment was due and nobody tried it. Without this, the
 * first failure after an outage of the service ends every payment that has waited for it.
 *
 * @param limit.passedMs the time that counts against the limit, in milliseconds.
 */
export function endsByUntriedTime(
  { untriedMs }: { untriedMs: number },
  { passedMs, limitMs }: { passedMs: number; limitMs: number },
): boolean {
  return untriedMs >= LONG_UNTRIED_MS && passedMs > limitMs && passedMs - untriedMs <= limitMs;
}
