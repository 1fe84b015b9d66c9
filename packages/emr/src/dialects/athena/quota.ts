import type { IncomingHttpHeaders } from 'node:http';

const DAY_MS = 86_400_000;

/**
 * Reads how long to wait from the headers of a 429 without `Retry-After`. The daily quota of the app begins again at midnight GMT
 * (https://docs.athenahealth.com/api/guides/best-practices).
 *
 * @param remainingHeader in lower case: the header with the number of requests that are left.
 * @returns undefined when they name no time.
 */
export function quotaWaitMs(
  headers: IncomingHttpHeaders,
  { remainingHeader, now }: { remainingHeader: string; now: Date },
): number | undefined {
  // The gateway before the present one named the time itself.
  const reset = Date.parse(String(headers['x-plan-quota-reset'] ?? ''));
  const until = reset - now.getTime();
  if (until > 0 && until <= DAY_MS) return until;
  if (!/^\s*0+\s*$/.test(String(headers[remainingHeader] ?? ''))) return undefined;
  return DAY_MS - (now.getTime() % DAY_MS);
}
