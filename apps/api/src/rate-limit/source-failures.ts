import { networkOf } from '@emr-payments/db';
import { LRUCache } from 'lru-cache';

/** How often each address has failed to authenticate lately. */
export type SourceFailures = {
  /** Seconds until this address may try again; 0 when it may now. */
  blockedFor(source: string, clientId: string): number;
  /** Credentials from there were not good. */
  failed(source: string): void;
  /** They were: this client is known there for an hour. */
  proved(source: string, clientId: string): void;
};

const WINDOW_MS = 60_000;
const PROVED_MS = 3_600_000;
/** An attacker with more addresses than this is not stopped by address. */
const MAX_SOURCES = 20_000;

/**
 * An address that failed `perMinute` times in a minute is not looked up any more until the minute is over. A client that
 * has authenticated from there within the hour still is: behind one address, such as a proxy's, there may be many.
 *
 * @param perMinute 0 is no limit.
 * @param clock milliseconds that only grow.
 */
export function createSourceFailures(
  perMinute: number,
  clock: { now(): number } = performance,
): SourceFailures {
  const options = { max: MAX_SOURCES, perf: clock, ttlResolution: 0 };
  const counts = new LRUCache<string, { count: number; until: number }>({ ...options, ttl: WINDOW_MS });
  const known = new LRUCache<string, true>({ ...options, ttl: PROVED_MS });
  return {
    blockedFor(source, clientId) {
      // Nearly always there is nobody to look for.
      if (counts.size === 0) return 0;
      const network = networkOf(source);
      const entry = counts.get(network);
      if (entry === undefined || entry.count < perMinute || known.has(`${network} ${clientId}`)) return 0;
      return Math.max(1, Math.ceil((entry.until - clock.now()) / 1000));
    },
    failed(source) {
      if (perMinute === 0) return;
      const network = networkOf(source);
      const entry = counts.get(network);
      if (entry === undefined) counts.set(network, { count: 1, until: clock.now() + WINDOW_MS });
      else entry.count += 1;
    },
    proved(source, clientId) {
      known.set(`${networkOf(source)} ${clientId}`, true);
    },
  };
}
