import type { ClientRequest } from 'node:http';
import { networkFailureOf } from './network-codes.ts';

type Host = { hostname: string; port: number | string };

/** The hosts to which no connection is kept, because they close connections that they say they keep. */
export type ClosingHosts = {
  has(host: Host): boolean;
  /** Notes that a host ended a kept connection under a request. */
  note(host: Host): void;
};

/** How long no connection to such a host is kept. Each time that it does it again soon after, twice as long as before. */
const FIRST_MS = 60_000;
const LONGEST_MS = 3_600_000;

/** Hosts that are remembered; beyond it, the one that was noted longest ago is forgotten. */
const MOST = 1_000;

/**
 * Remembers hosts that close kept connections without saying so (`Connection: close`). A request that is sent in that moment is lost, and with
 * requests that follow each other at once that can be every second one. A new connection for each request costs a handshake and loses none.
 *
 * A server that closes idle connections after a short time is met once in a while, and is asked again over kept ones a minute later.
 *
 * @param deps.clock milliseconds of a monotonic clock.
 */
export function createClosingHosts({
  clock = () => performance.now(),
}: {
  clock?: () => number;
} = {}): ClosingHosts {
  const noted = new Map<string, { until: number; forMs: number }>();
  const nameOf = ({ hostname, port }: Host) => `${hostname}:${port}`;
  return {
    has(host) {
      if (noted.size === 0) return false;
      const found = noted.get(nameOf(host));
      return found !== undefined && clock() < found.until;
    },
    note(host) {
      const name = nameOf(host);
      const now = clock();
      const before = noted.get(name);
      // Requests that were under way together lose their connections together.
      if (before !== undefined && now < before.until) return;
      const isSoon = before !== undefined && now < before.until + before.forMs;
      const forMs = isSoon ? Math.min(2 * before.forMs, LONGEST_MS) : FIRST_MS;
      noted.delete(name);
      const [oldest] = noted.keys();
      if (noted.size >= MOST && oldest !== undefined) noted.delete(oldest);
      noted.set(name, { until: now + forMs, forMs });
    },
  };
}

/**
 * True for the error of a request whose kept connection ended before a byte of an answer came. Nothing shows whether the far end has read the
 * request (https://www.rfc-editor.org/rfc/rfc9112#section-9.5).
 */
export const lostKeptConnection = (
  request: ClientRequest,
  { error, hasBegun }: { error: unknown; hasBegun: () => boolean },
): boolean => request.reusedSocket && !hasBegun() && networkFailureOf(error)?.failure === 'cut';
