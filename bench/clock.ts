/**
 * Milliseconds on the machine's monotonic clock, which all its processes share: a time taken by the load generator can
 * be compared with one taken by the receiver.
 */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
