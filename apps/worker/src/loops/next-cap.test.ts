import type { LaneCap } from '@emr-payments/db';
import { expect, test } from 'vitest';
import type { LaneSample } from './lane-traffic.ts';
import { type CapInput, nextCap } from './next-cap.ts';

const NOW = new Date('2026-06-15T10:00:00Z');
const ago = (ms: number) => new Date(NOW.getTime() - ms);
const ahead = (ms: number) => new Date(NOW.getTime() + ms);

/** A sample of half a second: `busy` under way all the time, each delivered after `ms`. */
const delivering = ({ busy, ms }: { busy: number; ms: number }): LaneSample => {
  const delivered = (busy * 500) / ms;
  return { ...QUIET, delivered, deliveredMs: delivered * ms, busyMs: busy * 500, underWay: busy };
};
const QUIET: LaneSample = {
  ...{ delivered: 0, deliveredMs: 0, failed: 0, refused: 0 },
  ...{ busyMs: 0, underWay: 0, old: 0 },
};

/** Half a second of a round has been measured like `delivering` already. The cap was changed long ago. */
const stored = (cap: number, change: Partial<LaneCap> = {}): LaneCap => ({
  cap,
  base: null,
  changedAt: ago(30_000),
  confirmedAt: ago(500),
  restingUntil: null,
  round: null,
  ...change,
});
const round = ({ busy, ms }: { busy: number; ms: number }, beganMs = 1_000): LaneCap['round'] => {
  const { busyMs, delivered, deliveredMs } = delivering({ busy, ms });
  return { beganAt: ago(beganMs), busyMs, delivered, deliveredMs };
};

/** Three seconds, less the half that a sample adds, of 64 under way that take 700 ms each. */
const slowRound = {
  beganAt: ago(3_000),
  busyMs: 64 * 2_500,
  delivered: (64 * 2_500) / 700,
  deliveredMs: 64 * 2_500,
};

const decide = (input: Partial<CapInput> & { stored: LaneCap | null; inFlight?: number; full?: boolean }) =>
  nextCap({
    lane: { inFlight: input.inFlight ?? 10, full: input.full ?? true, stored: input.stored },
    ...{ most: 64, sample: QUIET, crowded: false, spare: 32, now: NOW },
    ...input,
  });

const FAST = { busy: 10, ms: 20 };
/** Deliveries a millisecond with `busy` under way that take `ms` each. */
const base = (cap: number, { busy, ms }: { busy: number; ms: number }) => ({ cap, throughput: busy / ms });

test.each<[string, Parameters<typeof decide>[0], Partial<LaneCap> | null]>([
  ['a lane that is not full is left alone', { stored: null, full: false, sample: delivering(FAST) }, null],
  [
    'a lane that is full begins a round, without what was seen before it',
    { stored: null, sample: delivering(FAST) },
    { cap: 10, base: null, round: { beganAt: NOW, busyMs: 0, delivered: 0, deliveredMs: 0 } },
  ],
  [
    'a round shorter than a second goes on',
    {
      stored: stored(10, { round: round({ busy: 10, ms: 100 }, 900) }),
      sample: delivering({ busy: 10, ms: 100 }),
    },
    {
      cap: 10,
      base: null,
      round: { beganAt: ago(900), busyMs: 10_000, delivered: 100, deliveredMs: 10_000 },
    },
  ],
  [
    'a round shorter than a second is enough when each slot came round twenty times in it',
    { stored: stored(10, { round: round(FAST, 500) }), sample: delivering(FAST) },
    { cap: 20 },
  ],
  [
    'not in less than 0.4 seconds, which say more of the machine than of the endpoint',
    { stored: stored(10, { round: round(FAST, 300) }), sample: delivering(FAST) },
    { cap: 10, round: { beganAt: ago(300), busyMs: 10_000, delivered: 500, deliveredMs: 10_000 } },
  ],
  [
    'a round goes on until each slot has come round twice',
    {
      stored: stored(10, { round: round({ busy: 10, ms: 700 }) }),
      sample: delivering({ busy: 10, ms: 700 }),
    },
    { cap: 10, base: null, confirmedAt: NOW },
  ],
  [
    'the first round doubles the cap, and is where the growth began',
    { stored: stored(10, { round: round(FAST) }), sample: delivering(FAST) },
    {
      cap: 20,
      base: base(10, FAST),
      changedAt: NOW,
      round: { beganAt: NOW, busyMs: 0, delivered: 0, deliveredMs: 0 },
    },
  ],
  [
    'an endpoint that takes 400 ms, however many are under way, grows',
    {
      stored: stored(20, { base: base(10, { busy: 10, ms: 400 }), round: round({ busy: 20, ms: 400 }) }),
      sample: delivering({ busy: 20, ms: 400 }),
    },
    { cap: 40, base: base(10, { busy: 10, ms: 400 }) },
  ],
  [
    'growth ends at the most',
    {
      stored: stored(40, { base: base(10, FAST), round: round({ busy: 40, ms: 20 }) }),
      sample: delivering({ busy: 40, ms: 20 }),
    },
    { cap: 64 },
  ],
  [
    'the most of the lane is above all',
    { stored: stored(40, { round: round(FAST) }), sample: delivering(FAST), most: 3, inFlight: 3 },
    { cap: 3 },
  ],
  [
    'growth that brought nothing is taken back to where it began, and rests',
    {
      stored: stored(20, { base: base(10, { busy: 10, ms: 50 }), round: round({ busy: 20, ms: 100 }) }),
      sample: delivering({ busy: 20, ms: 100 }),
    },
    { cap: 10, base: null, restingUntil: ahead(15_000) },
  ],
  [
    'an endpoint that can do a little more than ten at once is not driven to the most',
    {
      stored: stored(64, { base: base(10, { busy: 10, ms: 50 }), round: round({ busy: 64, ms: 200 }) }),
      sample: delivering({ busy: 64, ms: 200 }),
    },
    { cap: 32, base: base(10, { busy: 10, ms: 50 }), restingUntil: ahead(15_000) },
  ],
  [
    'a grown lane whose answers become slow comes down, without a failure',
    {
      stored: stored(64, { base: base(10, FAST), round: slowRound }),
      sample: delivering({ busy: 64, ms: 700 }),
    },
    { cap: 32 },
  ],
  [
    'a lane whose slots are mostly with us is not blamed for it',
    {
      stored: stored(64, { base: base(10, FAST), round: round({ busy: 15, ms: 100 }) }),
      sample: delivering({ busy: 15, ms: 100 }),
    },
    { cap: 64, restingUntil: null },
  ],
  [
    'growth is shared with the other lanes',
    {
      stored: stored(20, { round: round({ busy: 20, ms: 20 }) }),
      sample: delivering({ busy: 20, ms: 20 }),
      spare: 7,
    },
    { cap: 27 },
  ],
  [
    'a lane that was lowered does not grow while it rests',
    { stored: stored(10, { restingUntil: ahead(1), round: round(FAST) }), sample: delivering(FAST) },
    { cap: 10, base: base(10, FAST), changedAt: ago(30_000) },
  ],
  [
    'a lane that was lowered grows in small steps after its rest',
    { stored: stored(10, { restingUntil: ago(1), round: round(FAST) }), sample: delivering(FAST) },
    { cap: 15, restingUntil: ago(1) },
  ],
  [
    'small steps are not judged before they can be measured',
    {
      stored: stored(14, {
        base: base(10, { busy: 10, ms: 50 }),
        round: round({ busy: 14, ms: 72 }),
        restingUntil: ago(1),
      }),
      sample: delivering({ busy: 14, ms: 72 }),
    },
    { cap: 19 },
  ],
  [
    'most attempts under way are older than a second: four',
    {
      stored: stored(64, { base: base(10, FAST) }),
      sample: { ...QUIET, underWay: 64, old: 33 },
      inFlight: 64,
    },
    { cap: 4, base: null, round: null, restingUntil: ahead(5_000) },
  ],
  [
    'a lane that is not known can hang, too',
    { stored: null, sample: { ...QUIET, underWay: 3, old: 3 }, full: false },
    { cap: 4, changedAt: NOW, confirmedAt: NOW },
  ],
  [
    'a hanging lane that has four stays there, and is confirmed',
    { stored: stored(4), sample: { ...QUIET, underWay: 4, old: 4 }, inFlight: 5 },
    { cap: 4, changedAt: ago(30_000), confirmedAt: NOW },
  ],
  [
    'four or fewer in flight that hang take no more than a hanging lane may',
    { stored: null, sample: { ...QUIET, underWay: 1, old: 1 }, inFlight: 4, full: false },
    null,
  ],
  [
    'half of the attempts under way may be old',
    { stored: stored(10), sample: { ...QUIET, underWay: 10, old: 5 } },
    { cap: 10, round: { beganAt: NOW, busyMs: 0, delivered: 0, deliveredMs: 0 } },
  ],
  [
    'one failure in ten halves',
    { stored: stored(64, { base: base(10, FAST) }), sample: { ...QUIET, delivered: 8, failed: 1 } },
    { cap: 32, base: null, restingUntil: ahead(5_000), changedAt: NOW },
  ],
  [
    'a failure here and there does not',
    { stored: stored(20, { round: round(FAST) }), sample: { ...delivering(FAST), failed: 10 } },
    { cap: 40 },
  ],
  [
    'a single 429 or 503 halves',
    { stored: stored(20, { round: round(FAST) }), sample: { ...delivering(FAST), failed: 1, refused: 1 } },
    { cap: 10 },
  ],
  ['failures leave four', { stored: stored(5), sample: { ...QUIET, failed: 3 } }, { cap: 4 }],
  [
    'failures that another worker has answered a moment ago do not halve again',
    { stored: stored(32, { changedAt: ago(999) }), sample: { ...QUIET, failed: 3 } },
    null,
  ],
  [
    'and a second later they do',
    { stored: stored(32, { changedAt: ago(1_000) }), sample: { ...QUIET, failed: 3 } },
    { cap: 16 },
  ],
  [
    'a grown lane gives back what others wait for',
    { stored: stored(30, { round: round(FAST) }), sample: delivering(FAST), crowded: true },
    { cap: 15, restingUntil: ahead(5_000) },
  ],
  ['ten at least', { stored: stored(12), sample: delivering(FAST), crowded: true }, { cap: 10 }],
  [
    'no lane grows while others wait',
    { stored: stored(10, { round: round(FAST) }), sample: delivering(FAST), crowded: true },
    { cap: 10, base: base(10, FAST) },
  ],
  [
    'a lane that is no longer full ends its round, and is not confirmed',
    { stored: stored(20, { round: round(FAST) }), sample: delivering(FAST), full: false },
    { cap: 20, round: null, confirmedAt: ago(500) },
  ],
])('%s', (_, input, expected) => {
  const next = decide(input);
  if (expected === null) expect(next).toBeNull();
  else expect(next).toMatchObject(expected);
});

/** Half-second after half-second at an endpoint that is full all the time. @returns its cap after each. */
function play(steps: number, answers: (busy: number) => LaneSample): number[] {
  const caps: number[] = [];
  let lane: LaneCap | null = null;
  for (let step = 0; step < steps; step += 1) {
    const cap: number = lane?.cap ?? 10;
    const next = nextCap({
      lane: { inFlight: cap, full: true, stored: lane },
      ...{ most: 64, crowded: false, spare: 32, now: ahead(step * 500) },
      sample: answers(cap),
    });
    lane = next ?? lane;
    caps.push(lane?.cap ?? cap);
  }
  return caps;
}

test('from ten to the most takes two seconds when the endpoint answers at once', () => {
  const caps = play(8, (busy) => delivering({ busy, ms: 20 }));
  expect(caps).toEqual([10, 20, 40, 64, 64, 64, 64, 64]);
});

test('an endpoint that does one after the other is never driven above twenty, and is tried every quarter of a minute', () => {
  const caps = play(200, (busy) => delivering({ busy, ms: busy * 5 }));
  expect(Math.max(...caps)).toBe(20);
  expect(caps.filter((cap) => cap > 10).length).toBeLessThan(20);
});

test('an endpoint that answers 503 above thirty at once is kept near that, and never again far above it', () => {
  const caps = play(400, (busy) => {
    const over = Math.max(0, busy - 30);
    return { ...delivering({ busy, ms: 20 }), refused: over, failed: over };
  });
  const later = caps.slice(20);
  expect(Math.max(...later)).toBeLessThanOrEqual(35);
  expect(later.reduce((sum, cap) => sum + cap, 0) / later.length).toBeGreaterThan(18);
});
