import type { Records } from '../crash/records.ts';
import type { Struck } from './inject-faults.ts';

/** What happened from the beginning of a fault until the next one. Times in milliseconds. */
export type Effect = Struck & {
  /** The longest time in which no payment was accepted, none reached the EMR, and no event reached a receiver. */
  acceptPausedMs: number;
  postPausedMs: number;
  deliverPausedMs: number;
  /** Requests that got no answer, and those that were answered "not now"; each was repeated with its key. */
  unanswered: number;
  notNow: number;
  /** The most connections to PostgreSQL; null when it was never reached. */
  connections: number | null;
};

/** A count of the connections at a time of `Date.now()`. */
export type Connections = { at: number; count: number };

type Window = { from: number; to: number };

/** The longest time between two of the times that lies in the window, cut at its beginning; also when the second is later than its end. */
export function longestPause(times: readonly number[], { from, to }: Window): number {
  const inOrder = times.toSorted((a, b) => a - b);
  const inside = inOrder.filter((at) => at >= from && at <= to);
  const next = inOrder.find((at) => at > to) ?? to;
  return Math.max(...[...inside, next].map((at, place) => at - (inside[place - 1] ?? from)));
}

/** Measures the effect of each fault by the independent records of the run. */
export function measureEffects(input: {
  records: Records;
  struck: readonly Struck[];
  connections: readonly Connections[];
  endedAt: number;
}): Effect[] {
  const { records, struck, connections, endedAt } = input;
  const tries = records.requested.flatMap((requested) => requested.tries);
  const accepted = tries.filter(({ status }) => status === 200).map(({ at }) => at);
  const posted = records.ledger.flatMap(({ received_at }) => (received_at ? [Date.parse(received_at)] : []));
  const delivered = records.received.filter(({ answered }) => answered < 300).map(({ at }) => at);
  return struck.map((fault, place) => {
    const window = { from: fault.at, to: struck[place + 1]?.at ?? endedAt };
    const isInside = ({ at }: { at: number }) => at >= window.from && at < window.to;
    const here = tries.filter(isInside);
    const counts = connections.filter(isInside).map(({ count }) => count);
    return {
      ...fault,
      acceptPausedMs: longestPause(accepted, window),
      postPausedMs: longestPause(posted, window),
      deliverPausedMs: longestPause(delivered, window),
      unanswered: here.filter(({ status }) => status === null).length,
      notNow: here.filter(({ status }) => status === 503 || status === 429).length,
      connections: counts.length === 0 ? null : Math.max(...counts),
    };
  });
}
