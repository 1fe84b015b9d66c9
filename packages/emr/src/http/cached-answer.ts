import type { IncomingHttpHeaders } from 'node:http';

/**
 * Headers in which proxies and content networks say where an answer came from. `X-Cache-Lookup` is not among them: it says
 * that the cache has a copy, also when that was not used.
 */
const CACHE_HEADERS = ['x-cache', 'x-cache-status', 'x-proxy-cache', 'cf-cache-status'];
/** As a word, also in `TCP_MEM_HIT`, and not in a host's name. `RefreshHit` and `REFRESH_HIT`: the EMR was asked. */
const FROM_CACHE = /(?:^|[\s,]|(?<!refresh)_)(?:hit|stale|updating)(?![\w.])/i;

/**
 * Reads from the headers of an answer whether it may have been made before our request: `Age` (RFC 9111, section 5.1),
 * `Cache-Status` (RFC 9211), `Warning` 110, 111 and 113 (RFC 7234, section 5.5), and the headers that proxies use. `Date` is not
 * among them: only a second answer can distinguish an old answer from a slow clock.
 */
export function servedFromCache(headers: IncomingHttpHeaders): boolean {
  const said = (name: string) => String(headers[name] ?? '');
  if (Number.parseInt(said('age'), 10) > 0) return true;
  if (CACHE_HEADERS.some((name) => FROM_CACHE.test(said(name)))) return true;
  if (/;\s*hit\b(?!\s*=\s*\?0)/i.test(said('cache-status'))) return true;
  return /(?:^|,)\s*11[013]\s/.test(said('warning'));
}
