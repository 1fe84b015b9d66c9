import { every, type Loop } from '@emr-payments/runtime';
import type { Database } from './database.ts';

/** Well below the minute after which a pool closes an idle connection, and after which firewalls forget one. */
const INTERVAL_MS = 20_000;

/**
 * Keeps one connection of a pool open while nobody needs it, by asking on it. A pool without one depends on the server having a place for a
 * new one, and other programs can take them all. One that does not answer is closed, and another opened.
 * The first is opened at once, so that the first request does not wait for it.
 */
export function keepConnected(
  { database }: { database: Pick<Database, 'ping'> },
  { intervalMs = INTERVAL_MS }: { intervalMs?: number } = {},
): { close: Loop['stop'] } {
  // Readiness says what is wrong with the server, and tries again by itself.
  const loop = every(
    { run: () => database.ping(), onError: () => undefined },
    { intervalMs, firstAfterMs: 0 },
  );
  return { close: loop.stop };
}
