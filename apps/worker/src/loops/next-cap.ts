import { type LaneCap, type LaneNow, USUAL_CAP } from '@emr-payments/db';
import type { LaneSample } from './lane-traffic.ts';

/** An endpoint in trouble keeps this many: enough to see that it is well again, and little of a worker. */
const LEAST_CAP = 4;
/** Once it has been lowered, a cap grows by so much at a time; before that it doubles. */
const SMALL_STEP = 5;
/** A cap is lowered once in this time, however many workers see the reason. A round of measurement is at least as long. */
const ROUND_MS = 1_000;
/** A round shorter than `ROUND_MS` has measured enough once each slot was used this many times. */
const QUICK = { roundMs: 400, times: 20 };
/** A cap that was lowered because of failures is not raised for so long … */
const REST_AFTER_FAILURES_MS = 5_000;
/** … and one that was lowered because the growth was of no use, for so long. */
const REST_AFTER_GROWTH_MS = 15_000;
/** At least this part of its growth has to come back as throughput. */
const WORTHWHILE = 1 / 8;
/** Below this factor the gain of a raise is lost in the noise of the measurement. */
const MEASURABLE = 1.5;

export type CapInput = {
  lane: Pick<LaneNow, 'inFlight' | 'full' | 'stored'>;
  /** The most that the cap may become. */
  most: number;
  /** This worker's counts of the lane since it last wrote. */
  sample: LaneSample;
  /** True when deliveries of any lane wait for the workers. */
  crowded: boolean;
  /** By how much the cap may grow now. */
  spare: number;
  now: Date;
};

/**
 * Decides the cap of an endpoint's lane. It is the rule by which TCP finds out how much a path carries (RFC 5681): double while all is
 * well, halve at trouble, then grow in small steps; and, as in TCP Vegas, growth that brings no throughput is taken back.
 *
 * 1. Most attempts under way are older than a second: the endpoint hangs, and gets 4 at once.
 * 2. One attempt in ten fails, or one is answered with 429 or 503: half, 4 at least, and no growth for 5 seconds.
 * 3. Deliveries wait for the workers: a cap above 10 is halved, 10 at least. No endpoint grows at the cost of others.
 * 4. Jobs wait because the cap is reached, and all is well: after each round of a second or more, in which each slot came round twice, or of
 *    0.4 seconds in which it did twenty times, the cap is raised. If the endpoint holds most of the slots, and throughput has not grown by an eighth as much as the cap since
 *    the growth began, growth is of no use to us and a burden to the endpoint: half, where the growth began at least, and 15 seconds of
 *    rest. (Where the slots are mostly with us, it is we who are slow, and a lower cap would not make the endpoint faster.)
 *
 * Where nothing of that is so, nothing is confirmed, and a minute later the cap is 10 again.
 *
 * @returns what is to be stored; null when nothing is.
 */
export function nextCap({ lane, most, sample, crowded, spare, now }: CapInput): LaneCap | null {
  const usual = Math.min(USUAL_CAP, most);
  const least = Math.min(LEAST_CAP, most);
  const stored: LaneCap = lane.stored ?? {
    ...{ cap: usual, base: null, restingUntil: null, round: null },
    ...{ changedAt: new Date(now.getTime() - ROUND_MS), confirmedAt: now },
  };
  const cap = Math.min(stored.cap, most);
  const settled = now.getTime() - stored.changedAt.getTime() >= ROUND_MS;
  const after = (ms: number) => new Date(now.getTime() + ms);

  const unchanged: LaneCap = { ...stored, cap, confirmedAt: now };
  const changed = (next: number, change: Partial<LaneCap>): LaneCap => {
    const changedAt = next === cap ? stored.changedAt : now;
    return { ...unchanged, cap: next, changedAt, round: null, ...change };
  };
  const lowered = (next: number, restMs: number) =>
    changed(Math.min(cap, next), { base: null, restingUntil: after(restMs) });

  if (isHanging(sample) && lane.inFlight > least) return lowered(least, REST_AFTER_FAILURES_MS);
  if (isFailing(sample)) {
    return settled ? lowered(Math.max(least, Math.floor(cap / 2)), REST_AFTER_FAILURES_MS) : null;
  }
  if (crowded && cap > usual) {
    return settled ? lowered(Math.max(usual, Math.floor(cap / 2)), REST_AFTER_FAILURES_MS) : null;
  }
  if (!lane.full) return stored.round === null ? null : { ...stored, round: null };
  // The sample reaches back to before the round, so the first one only begins it.
  if (stored.round === null) return { ...unchanged, round: emptyRound(now) };

  const round = {
    beganAt: stored.round.beganAt,
    busyMs: stored.round.busyMs + sample.busyMs,
    delivered: stored.round.delivered + sample.delivered,
    deliveredMs: stored.round.deliveredMs + sample.deliveredMs,
  };
  const roundMs = now.getTime() - round.beganAt.getTime();
  const isLong = roundMs >= ROUND_MS && round.delivered >= 2 * cap;
  if (!isLong && (roundMs < QUICK.roundMs || round.delivered < QUICK.times * cap))
    return { ...unchanged, round };

  const throughput = throughputOf(round, roundMs);
  const base = stored.base ?? { cap, throughput };
  const grown = cap / base.cap;
  const isAtEndpoint = round.busyMs * 2 >= roundMs * cap;
  if (isAtEndpoint && grown >= MEASURABLE && throughput < base.throughput * (1 + (grown - 1) * WORTHWHILE)) {
    const next = Math.max(base.cap, Math.floor(cap / 2));
    const rest = { restingUntil: after(REST_AFTER_GROWTH_MS), base: next > base.cap ? base : null };
    return changed(next, { ...rest, round: emptyRound(now) });
  }
  const mayGrow = !crowded && (stored.restingUntil === null || stored.restingUntil <= now);
  const step = Math.min(stored.restingUntil === null ? cap : SMALL_STEP, spare);
  const next = mayGrow ? Math.min(most, cap + step) : cap;
  return changed(next, { base, round: emptyRound(now) });
}

const isHanging = ({ old, underWay }: LaneSample) => old * 2 > underWay;

const isFailing = ({ refused, failed, delivered }: LaneSample) =>
  refused > 0 || failed * 10 > failed + delivered;

const emptyRound = (beganAt: Date) => ({ beganAt, busyMs: 0, delivered: 0, deliveredMs: 0 });

/**
 * Deliveries in a millisecond, by Little's law: how many were under way on average, divided by how long one takes. Counting the
 * deliveries would be right only for rounds much longer than an answer: of an endpoint that takes 400 ms, ten end at once or none.
 */
function throughputOf(
  { busyMs, delivered, deliveredMs }: { busyMs: number; delivered: number; deliveredMs: number },
  roundMs: number,
): number {
  return (busyMs / roundMs / Math.max(deliveredMs, 1)) * delivered;
}
