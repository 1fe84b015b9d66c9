import type { SendOutcome } from '@emr-payments/webhooks';

/** One worker's counts of a lane since it last looked. */
export type LaneSample = {
  delivered: number;
  /** How long the delivered ones took, together. */
  deliveredMs: number;
  /** Attempts that failed, for whatever reason, and those of them by which the endpoint asked for less: 429 and 503. */
  failed: number;
  refused: number;
  /** Attempts under way, times milliseconds. */
  busyMs: number;
  /** Attempts under way now, and those of them that have been for more than a second. */
  underWay: number;
  old: number;
};

/** How an attempt ended. `none`: it says nothing of the endpoint. */
export type AttemptEnd = 'delivered' | 'failed' | 'refused' | 'none';

/** Statuses by which a receiver asks for less: RFC 6585, section 4, and RFC 9110, section 15.6.4. */
const ASKS_FOR_LESS = [429, 503];

export function attemptEnd(sent: SendOutcome): AttemptEnd {
  if (sent.outcome === 'delivered') return 'delivered';
  if (sent.outcome === 'failed' && (sent.kind === 'canceled' || sent.kind === 'address_refused'))
    return 'none';
  return ASKS_FOR_LESS.includes(sent.httpStatus ?? 0) ? 'refused' : 'failed';
}

export type LaneTraffic = {
  /** Counts an attempt as under way. @returns to be called once, when it has ended. */
  begin(laneId: number): (end: AttemptEnd) => void;
  /** Takes what was seen since the last call, of lanes with any attempt in that time. */
  take(): Map<number, LaneSample>;
  /** Puts back a sample that could not be used: it is part of the next one. */
  putBack(laneId: number, sample: LaneSample): void;
};

const OLD_MS = 1_000;

type Counts = Omit<LaneSample, 'underWay' | 'old'>;
type Lane = Counts & { attempts: Set<{ beganAt: number }>; countedAt: number };

const NOTHING: Counts = { delivered: 0, deliveredMs: 0, failed: 0, refused: 0, busyMs: 0 };

/**
 * Counts the attempts of this process, lane by lane, in memory.
 *
 * @param deps.now milliseconds of a monotonic clock.
 */
export function createLaneTraffic(
  { now }: { now: () => number } = { now: () => performance.now() },
): LaneTraffic {
  const lanes = new Map<number, Lane>();

  const laneOf = (laneId: number): Lane => {
    const known = lanes.get(laneId);
    if (known !== undefined) return known;
    const lane: Lane = { ...NOTHING, attempts: new Set(), countedAt: now() };
    lanes.set(laneId, lane);
    return lane;
  };

  /** Brings `busyMs` up to date. @returns the time. */
  const count = (lane: Lane): number => {
    const at = now();
    lane.busyMs += lane.attempts.size * (at - lane.countedAt);
    lane.countedAt = at;
    return at;
  };

  return {
    begin(laneId) {
      const lane = laneOf(laneId);
      const attempt = { beganAt: count(lane) };
      lane.attempts.add(attempt);
      return (end) => {
        const at = count(lane);
        lane.attempts.delete(attempt);
        if (end === 'delivered') {
          lane.delivered += 1;
          lane.deliveredMs += at - attempt.beganAt;
        } else if (end !== 'none') {
          lane.failed += 1;
          if (end === 'refused') lane.refused += 1;
        }
      };
    },
    take() {
      const samples = new Map<number, LaneSample>();
      for (const [laneId, lane] of lanes) {
        const at = count(lane);
        const { delivered, deliveredMs, failed, refused, busyMs, attempts } = lane;
        let old = 0;
        for (const { beganAt } of attempts) if (at - beganAt > OLD_MS) old += 1;
        samples.set(laneId, {
          delivered,
          deliveredMs,
          failed,
          refused,
          busyMs,
          underWay: attempts.size,
          old,
        });
        Object.assign(lane, NOTHING);
        if (attempts.size === 0) lanes.delete(laneId);
      }
      return samples;
    },
    putBack(laneId, sample) {
      const lane = laneOf(laneId);
      for (const key of ['delivered', 'deliveredMs', 'failed', 'refused', 'busyMs'] as const) {
        lane[key] += sample[key];
      }
    },
  };
}
