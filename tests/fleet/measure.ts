import { readEvent } from '../crash/check.ts';
import { splitReceived } from '../crash/check-outages.ts';
import type { Records } from '../crash/records.ts';
import type { Struck } from './inject-faults.ts';

/** What happened from the beginning of a fault until the next one. Times in milliseconds. */
export type Effect = Struck & {
  /** The longest time in which no payment was accepted, none reached the EMR, and no event reached a receiver. */
  acceptPausedMs: number;
  postPausedMs: number;
  deliverPausedMs: number;
  /** The longest time from the answer 200 to the first webhook, of the payments that were accepted meanwhile; null without any. */
  slowestMs: number | null;
  /** Requests that got no answer, or one that is no JSON, as HAProxy's own 503; and those that were answered "not now". Each was repeated with its key. */
  unanswered: number;
  notNow: number;
  /** The most connections to PostgreSQL; null when it was never reached. */
  connections: number | null;
};

/** A count of the connections at a time of `Date.now()`. */
export type Connections = { at: number; count: number };

type Window = { from: number; to: number };

/** The longest part of the window in which none of the times lies. */
export function longestPause(times: readonly number[], { from, to }: Window): number {
  const inside = times.filter((at) => at >= from && at <= to).toSorted((a, b) => a - b);
  return Math.max(...[...inside, to].map((at, place) => at - (inside[place - 1] ?? from)));
}

type Told = { acceptedAt: number; waitedMs: number };

/** The payments that were accepted and delivered, each with its time of the first 200 and how long after that the first webhook came. */
function toldPayments({ requested, received }: Records): Told[] {
  const firstAt = new Map<string, number>();
  for (const { body, answered, at } of splitReceived(received).ofPayments) {
    if (answered >= 300) continue;
    const { paymentId } = readEvent(body);
    firstAt.set(paymentId, Math.min(at, firstAt.get(paymentId) ?? at));
  }
  return requested.flatMap(({ tries }) => {
    const accepted = tries.find(({ status }) => status === 200);
    const deliveredAt = firstAt.get(accepted?.paymentId ?? '');
    if (accepted === undefined || deliveredAt === undefined) return [];
    return [{ acceptedAt: accepted.at, waitedMs: deliveredAt - accepted.at }];
  });
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
  const told = toldPayments(records);
  const delivered = records.received.filter(({ answered }) => answered < 300).map(({ at }) => at);
  return struck.map((fault, place) => {
    const window = { from: fault.at, to: struck[place + 1]?.at ?? endedAt };
    const isInside = ({ at }: { at: number }) => at >= window.from && at < window.to;
    const here = tries.filter(isInside);
    const waits = told
      .filter(({ acceptedAt }) => isInside({ at: acceptedAt }))
      .map(({ waitedMs }) => waitedMs);
    const counts = connections.filter(isInside).map(({ count }) => count);
    return {
      ...fault,
      acceptPausedMs: longestPause(accepted, window),
      postPausedMs: longestPause(posted, window),
      deliverPausedMs: longestPause(delivered, window),
      slowestMs: waits.length === 0 ? null : Math.max(...waits),
      unanswered: here.filter(({ status }) => status === null).length,
      notNow: here.filter(({ status }) => status === 503 || status === 429).length,
      connections: counts.length === 0 ? null : Math.max(...counts),
    };
  });
}
