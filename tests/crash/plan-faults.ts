import { type Random, randomFrom } from './random.ts';
import { TIMING } from './timing.ts';

export type Target =
  | 'api'
  | 'api-2'
  | 'worker'
  | 'worker-2'
  | 'sandbox'
  | 'foreign'
  | 'emr answers'
  | 'receiver'
  | 'receiver answers'
  | 'redis'
  | 'postgres';

type Rule = {
  targets: readonly [Target, ...Target[]];
  /** The shortest and longest duration in milliseconds. */
  lasts: readonly [number, number];
  /** The number of occurrences in a round; 1 by default. */
  weight?: number;
};

const APIS = ['api', 'api-2'] as const;
const WORKERS = ['worker', 'worker-2'] as const;
const EMRS = ['sandbox', 'foreign'] as const;
const EMR = ['emr answers'] as const;

/** All faults of the suite. A round of the schedule has each of them, in random order. */
const RULES = {
  'API killed': { targets: APIS, lasts: [0, 1_500] },
  'API stopped': { targets: APIS, lasts: [0, 1_000] },
  'API frozen': { targets: APIS, lasts: [1_000, 7_000] },
  'worker killed': { targets: WORKERS, lasts: [0, 1_500], weight: 2 },
  'worker stopped': { targets: WORKERS, lasts: [0, 1_000] },
  'worker frozen past its leases': {
    targets: WORKERS,
    lasts: [TIMING.leaseMs * 1.3, TIMING.leaseMs * 2.5],
    weight: 2,
  },
  'PostgreSQL dropped and restarted': { targets: ['postgres'], lasts: [0, 1_500] },
  'PostgreSQL connections cut': { targets: ['postgres'], lasts: [0, 1_500] },
  'half of the PostgreSQL connections cut': { targets: ['postgres'], lasts: [0, 1_500] },
  'PostgreSQL refuses connections': { targets: ['postgres'], lasts: [0, 2_000] },
  'PostgreSQL takes no writes': { targets: ['postgres'], lasts: [0, 2_000] },
  'Redis wiped': { targets: ['redis'], lasts: [0, 0] },
  'Redis killed': { targets: ['redis'], lasts: [0, 3_000] },
  'Redis connections cut': { targets: ['redis'], lasts: [0, 1_500] },
  'Redis is full': { targets: ['redis'], lasts: [0, 2_000] },
  'Redis is a replica': { targets: ['redis'], lasts: [0, 2_000] },
  'EMR killed': { targets: EMRS, lasts: [0, 2_000] },
  'EMR frozen': { targets: EMRS, lasts: [800, 2_500] },
  'EMR commits, then hangs': { targets: EMR, lasts: [500, 2_000] },
  'EMR commits, then resets': { targets: EMR, lasts: [500, 2_000] },
  'EMR commits, then answers 500': { targets: EMR, lasts: [500, 2_000] },
  'EMR resets': { targets: EMR, lasts: [500, 2_000] },
  'EMR answers 500': { targets: EMR, lasts: [500, 2_000] },
  'EMR answers 429': { targets: EMR, lasts: [500, 2_000] },
  'EMR rejects the login': { targets: EMR, lasts: [500, 2_000] },
  'EMR is slow': { targets: EMR, lasts: [1_000, 3_000] },
  'receiver killed': { targets: ['receiver'], lasts: [0, 3_000] },
  'receiver frozen': { targets: ['receiver'], lasts: [1_000, 4_000] },
  'receiver answers 500': { targets: ['receiver answers'], lasts: [500, 2_000] },
  'receiver is slow': { targets: ['receiver answers'], lasts: [1_000, 3_000] },
} as const satisfies Record<string, Rule>;

export type FaultKind = keyof typeof RULES;
export const FAULT_KINDS = Object.keys(RULES) as FaultKind[];

export type Fault = { atMs: number; kind: FaultKind; target: Target; lastsMs: number };

export type FaultPlan = { seed: number; durationMs: number; withRedis: boolean; withForeign: boolean };

/** The time that a target gets to recover before its next fault. */
const RECOVERY_MS = 2_000;

/** The shortest and longest time between the starts of two faults, 0.8 s on average. Faults of different targets overlap. */
const GAP_MS = [200, 1_400] as const;

/**
 * The kinds of the last fault. It comes when every other one is over: what it breaks in a process that goes on running, no restart mends before that is
 * looked for.
 */
const LAST_KINDS = [
  'PostgreSQL connections cut',
  'half of the PostgreSQL connections cut',
  'PostgreSQL refuses connections',
  'PostgreSQL takes no writes',
  'Redis connections cut',
  'Redis is full',
  'Redis is a replica',
] as const satisfies FaultKind[];

/** The time for the last fault and the recovery before it. */
const LAST_MS = RECOVERY_MS + 2_000;

const isOf = (kind: FaultKind, { withRedis }: { withRedis: boolean }): boolean =>
  withRedis || RULES[kind].targets[0] !== 'redis';

function oneRound(random: Random, options: { withRedis: boolean }): FaultKind[] {
  const kinds = FAULT_KINDS.filter((kind) => isOf(kind, options));
  return random.shuffled(kinds.flatMap((kind) => Array(ruleOf(kind).weight ?? 1).fill(kind)));
}

function planLast(random: Random, { durationMs, withRedis }: FaultPlan): Fault {
  const [first, ...others] = LAST_KINDS;
  const kind = random.pick([first, ...others.filter((other) => isOf(other, { withRedis }))]);
  const { targets, lasts } = ruleOf(kind);
  return {
    atMs: durationMs - LAST_MS + RECOVERY_MS,
    kind,
    target: targets[0],
    lastsMs: random.between(...lasts),
  };
}

const ruleOf = (kind: FaultKind): Rule => RULES[kind];

/** Plans the whole schedule. Only the seed decides it. A target has one fault at a time. */
export function planFaults(plan: FaultPlan): Fault[] {
  const { seed, durationMs, withRedis, withForeign } = plan;
  const random = randomFrom(seed);
  const last = planLast(random, plan);
  const endMs = durationMs - LAST_MS;
  const busyUntil = new Map<Target, number>();
  const faults: Fault[] = [];
  let waiting: FaultKind[] = [];
  for (let now = 1_000; now < endMs - 500; now += random.between(...GAP_MS)) {
    if (waiting.length === 0) waiting = oneRound(random, { withRedis });
    const kind = waiting.pop();
    if (kind === undefined) break;
    const { targets, lasts } = ruleOf(kind);
    const [first, ...others] = targets;
    const target = random.pick([first, ...others.filter((other) => withForeign || other !== 'foreign')]);
    const atMs = Math.max(now, busyUntil.get(target) ?? 0);
    const lastsMs = random.between(...lasts);
    if (atMs + lastsMs > endMs) continue;
    busyUntil.set(target, atMs + lastsMs + RECOVERY_MS);
    faults.push({ atMs, kind, target, lastsMs });
  }
  return [...faults.sort((a, b) => a.atMs - b.atMs), last];
}
