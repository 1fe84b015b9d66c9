import type { IncomingHttpHeaders } from 'node:http';

/** Headers in which proxies and content networks say where an answer came from. `hit` in any of them: from a cache. */
const CACHE_HEADERS = ['x-cache', 'x-cache-status', 'x-cache-lookup', 'x-proxy-cache', 'cf-cache-status'];

/** Clocks differ, and an answer takes its time: only a `Date` that is older than this says that the answer is old. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;

/**
 * Reads from the headers of an answer whether it may have been made before our request: `Age` (RFC 9111, section 5.1),
 * `Cache-Status` (RFC 9211), `Warning` 110, 111 and 113 (RFC 7234, section 5.5), the headers that proxies use, and `Date`.
 *
 * @param sentAtMs when our request was sent, by our clock.
 */
export function servedFromCache(headers: IncomingHttpHeaders, sentAtMs: number): boolean {
  const said = (name: string) => String(headers[name] ?? '');
  if (Number.parseInt(said('age'), 10) > 0) return true;
  if (CACHE_HEADERS.some((name) => /hit|stale|updating/i.test(said(name)))) return true;
  if (/;\s*hit\b(?!\s*=\s*\?0)/i.test(said('cache-status'))) return true;
  if (/(?:^|,)\s*11[013]\s/.test(said('warning'))) return true;
  return Date.parse(said('date')) < sentAtMs - CLOCK_TOLERANCE_MS;
}
