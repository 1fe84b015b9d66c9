import { paymentIdToUuid, uuidToPaymentId } from '@emr-payments/contracts';
import type { Logger } from '@emr-payments/runtime';
import { SABOTAGES, type Sabotage, type SabotageName } from '../crash/proofs/sabotages.ts';
import { type Random, randomFrom } from '../crash/random.ts';
import { type Choice, createBorder } from './border.ts';
import { type Clock, takeClock } from './clock.ts';
import { createEmr, SETTLE_MS } from './emr.ts';
import { MOODS, type Mood, type World } from './held-database.ts';
import { createPeople } from './people.ts';
import { check, LONG_HORIZON_MS, type Violation } from './rules.ts';
import type { Stage } from './stage.ts';
import { createWorkers, LEASE_MS } from './workers.ts';

export type Result = {
  violations: readonly Violation[];
  /** Every choice that was made, in order. */
  schedule: readonly string[];
  /** How often the sabotage has done something. */
  broken: number;
};

/** Choices among which there is trouble. After them everything goes well until nothing is left to do. */
const CHOICES = { least: 50, most: 250 };
/** How often time may pass until everything has come to rest: each time for longer. */
const MOST_PASSES = 30;
const LONGEST_PASS_MS = 20 * 60_000;

/** A schedule has few kinds of trouble, each of which then comes often enough to meet itself. */
function moodOf(random: Random): Mood {
  return Object.fromEntries(MOODS.map((name) => [name, random.pick([0, 1, 3])])) as Mood;
}

export function pick(random: Random, choices: readonly Choice[]): Choice | undefined {
  const possible = choices.filter(({ weight }) => weight > 0);
  let left = random.next() * possible.reduce((sum, { weight }) => sum + weight, 0);
  for (const choice of possible) {
    left -= choice.weight;
    if (left < 0) return choice;
  }
  return possible.at(-1);
}

/** Lets every task run until it waits at the border or for a timer, or has ended. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function accept({ acceptor, practices }: Stage, random: Random) {
  const payments = [];
  for (let n = 1, most = random.between(2, 4); n <= most; n += 1) {
    // The EMR that can only be asked is the one that needs every rule.
    const kinds = random.next() < 0.5 ? practices.filter(({ kind }) => kind === 'lookup') : practices;
    const { kind, practice } = kinds[random.between(0, kinds.length - 1)] ?? {};
    if (kind === undefined || practice === undefined) throw new Error('there is no practice');
    const outcome = await acceptor.accept(practice.input());
    if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
    const { paymentId, jobId } = outcome;
    payments.push({
      id: paymentIdToUuid(paymentId),
      name: `#${n}`,
      kind,
      jobId,
      userId: practice.userId,
      practice: practice.publicId,
    });
  }
  return payments;
}

/**
 * Plays the schedule of a seed: the seed decides what happens next, as long as there is a choice, and every task waits meanwhile.
 *
 * @returns what was broken when everything had come to rest.
 */
export async function play(
  stage: Stage,
  { seed, sabotage = null }: { seed: number; sabotage?: SabotageName | null },
): Promise<Result> {
  const random = randomFrom(seed);
  await stage.clear();
  const mood = moodOf(random);
  const payments = await accept(stage, random);
  const clock = takeClock();
  const { random: ownRandom } = Math;
  Math.random = randomFrom(seed + 1).next;
  try {
    const acts = sabotage === null ? {} : SABOTAGES[sabotage];
    return await playOn(stage, { random, mood, payments, clock, sabotage: acts });
  } finally {
    Math.random = ownRandom;
    clock.restore();
  }
}

async function playOn(
  stage: Stage,
  {
    random,
    mood,
    payments,
    clock,
    sabotage,
  }: {
    random: Random;
    mood: Mood;
    payments: Awaited<ReturnType<typeof accept>>;
    clock: Clock;
    sabotage: Sabotage;
  },
): Promise<Result> {
  const { sessions } = stage;
  const horizonMs = random.pick([5 * 60_000, LONG_HORIZON_MS, LONG_HORIZON_MS]);
  const schedule: string[] = [];
  const violations: Violation[] = [];
  let broken = 0;
  const nameOf = (paymentId: string) =>
    payments.find(({ id }) => id === paymentIdToUuid(paymentId))?.name ?? 'another key';
  const border = createBorder();
  const emr = createEmr({ border, clock, mood }, nameOf);
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: ({ err, payment_id: id = '' }, message) =>
      void violations.push({ rule: 'a fault of ours', payment: id, detail: `${message}: ${err}` }),
  };
  const world: World = { border, clock, sessions, mood };
  const workers = createWorkers(
    { ...world, emr, stage, logger },
    {
      sabotage,
      horizonMs,
      broke: () => {
        broken += 1;
      },
      kindOf: (userId) => payments.find((payment) => payment.userId === userId)?.kind ?? 'none',
      nameOfJob: (jobId) => payments.find((payment) => String(payment.jobId) === jobId)?.name ?? 'a job',
    },
  );

  const people = createPeople({ ...world, emr }, payments);

  async function pass(ms: number): Promise<void> {
    const asked = { text: "SELECT payment_id AS id FROM posting_attempts WHERE outcome = 'accepted'" };
    const { rows } = await sessions.ask<{ id: string }>(asked);
    const accepted = new Set(rows.map(({ id }) => uuidToPaymentId(id)));
    emr.keepPromises({ until: clock.now() + ms, accepted, random: random.next });
    clock.pass(ms);
    workers.lookAround();
  }

  const passes = (): Choice[] =>
    [1_000, LEASE_MS / 2, LEASE_MS + 1_000, SETTLE_MS + 5_000].map((ms) => ({
      label: `${ms / 1000} s pass`,
      weight: 0.1 + mood.time / 2,
      happen: () => pass(ms),
    }));

  /** The choices of tasks that wait. Nobody else learns that a worker is frozen. */
  const waitingChoices = () =>
    [...border.waiting].filter(({ actor }) => !actor.frozen).flatMap((waiting) => waiting.choices());

  async function happen(choice: Choice | undefined): Promise<void> {
    if (choice === undefined) return;
    schedule.push(choice.label);
    await choice.happen();
    await turn();
  }

  /** Everything that waits at the border goes well. */
  async function goWell(): Promise<void> {
    await turn();
    for (let [first] = border.waiting; first !== undefined; [first] = border.waiting)
      await happen(first.choices()[0]);
  }

  const isDone = async () => (await sessions.ask('SELECT FROM jobs LIMIT 1')).rowCount === 0;

  for (let n = random.between(CHOICES.least, CHOICES.most); n > 0; n -= 1) {
    // When everything has ended there is nothing left to disturb, unless a person begins again.
    if (n % 10 === 0 && mood.people === 0 && border.waiting.size === 0 && (await isDone())) break;
    const others = [...workers.choices(), ...emr.choices(), ...people.choices(), ...passes()];
    await happen(pick(random, [...waitingChoices(), ...others]));
  }
  workers.wakeAll();
  await goWell();
  for (let n = 0; n < MOST_PASSES && people.isRestoring(); n += 1) {
    people.repeatRestore();
    await goWell();
    await pass(LEASE_MS);
  }
  await sessions.ask('UPDATE holds SET ended_at = greatest(started_at, now()) WHERE ended_at IS NULL');
  schedule.push('-- from here on everything goes well');
  let ms = 5_000;
  for (let n = 0; n < MOST_PASSES; n += 1) {
    await goWell();
    if ((await isDone()) && payments.every(({ id }) => emr.isQuiet(uuidToPaymentId(id)))) break;
    await pass(ms);
    await goWell();
    workers.takeAll();
    ms = Math.min(LONGEST_PASS_MS, ms * 3);
  }
  for (const payment of payments) violations.push(...(await check(sessions, { payment, emr, horizonMs })));
  return { violations, schedule, broken };
}
