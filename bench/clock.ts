/**
 * Reads the machine's monotonic clock in milliseconds. All processes share this clock, so times of the load generator and of
 * the receiver can be compared.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
