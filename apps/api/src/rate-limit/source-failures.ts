import { networkOf } from '@emr-payments/db';
import { atMost } from '@emr-payments/runtime';
import { LRUCache } from 'lru-cache';

/** Counts the failed authentications of each address within a minute. */
export type SourceFailures = {
  /** Seconds until this address may try again; 0 when it may now. */
  blockedFor(source: string, clientId: string): number;
  /** Credentials from this address were rejected. */
  failed(source: string): void;
  /** Credentials from this address were accepted: this client may use it for an hour, whatever others fail. */
  proved(source: string, clientId: string): void;
};

const WINDOW_MS = 60_000;
const PROVED_MS = 3_600_000;
/** An attacker with more addresses than this is not stopped by address: the oldest counts are dropped. */
const MAX_SOURCES = 20_000;

/**
 * Refuses an address that failed `perMinute` times, until its minute is over: its credentials are not looked up. A client
 * that has authenticated from there within the last hour is exempt, because one address, such as a proxy's, may serve many
 * clients.
 *
 * @param perMinute 0 means no limit.
 * @param clock milliseconds that only grow.
 */
export function createSourceFailures(
  perMinute: number,
  clock: { now(): number } = performance,
): SourceFailures {
  const options = { ...atMost(MAX_SOURCES), perf: clock, ttlResolution: 0 };
  const counts = new LRUCache<string, { count: number; until: number }>({ ...options, ttl: WINDOW_MS });
  const known = new LRUCache<string, true>({ ...options, ttl: PROVED_MS });
  return {
    blockedFor(source, clientId) {
      // Fast path: nearly always no address has failed.
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
