import type { Logger } from '@emr-payments/runtime';
import type { Sabotage } from '../crash/proofs/sabotages.ts';
import { type Random, randomFrom } from '../crash/random.ts';
import { type Choice, createBorder } from './border.ts';
import { type Clock, takeClock } from './clock.ts';
import { MOODS, type Mood, type World } from './held-database.ts';
import type { Course, Part, Violation } from './part.ts';
import type { Stage } from './stage.ts';
import { createWorkers } from './workers.ts';

export type Result = {
  violations: readonly Violation[];
  /** Every choice that was made, in order. */
  schedule: readonly string[];
  /** How often the sabotage has done something. */
  broken: number;
};

/** Choices among which there is trouble. After them everything goes well until nothing is left to do. */
const CHOICES = { least: 50, most: 250 };
/** How often time may pass until everything has come to rest. */
const MOST_PASSES = 150;
/** Each step takes this long, so that no two have the same time. */
const STEP_MS = 1;

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

/**
 * Plays the schedule of a seed: the seed decides what happens next, as long as there is a choice, and every task waits meanwhile.
 *
 * @returns what was broken when everything had come to rest.
 */
export async function play(
  stage: Stage,
  part: Part,
  { seed, sabotage = {} }: { seed: number; sabotage?: Sabotage | undefined },
): Promise<Result> {
  const random = randomFrom(seed);
  await stage.clear();
  const mood = moodOf(random);
  const begin = await part.prepare(stage, random);
  const clock = takeClock();
  const { random: ownRandom } = Math;
  Math.random = randomFrom(seed + 1).next;
  try {
    const world: World = { border: createBorder(), clock, sessions: stage.sessions, mood };
    return await playOn(stage, world, { random, course: begin(world, random), sabotage });
  } finally {
    Math.random = ownRandom;
    clock.restore();
  }
}

async function playOn(
  stage: Stage,
  world: World,
  { random, course, sabotage }: { random: Random; course: Course; sabotage: Sabotage },
): Promise<Result> {
  const { border, clock, mood }: { border: World['border']; clock: Clock; mood: Mood } = world;
  const schedule: string[] = [];
  const violations: Violation[] = [];
  let broken = 0;
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: ({ err, payment_id: payment, delivery_id: delivery }, message) =>
      void violations.push({
        rule: 'a fault of ours',
        about: `${payment ?? delivery ?? ''}`,
        detail: `${message}: ${err}`,
      }),
  };
  const workers = createWorkers(
    { ...world, stage, logger },
    {
      sabotage,
      work: course.work,
      broke: () => {
        broken += 1;
      },
    },
  );

  async function pass(ms: number): Promise<void> {
    await course.beforePass?.(clock.now() + ms);
    clock.pass(ms);
    workers.lookAround();
  }

  const passes = (): Choice[] =>
    course.passes().map((ms) => ({
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
    clock.pass(STEP_MS);
    await choice.happen();
    await turn();
    await workers.nameJobs();
  }

  async function goWell(): Promise<void> {
    await turn();
    for (let [first] = border.waiting; first !== undefined; [first] = border.waiting)
      await happen(first.choices()[0]);
  }

  for (let n = random.between(CHOICES.least, CHOICES.most); n > 0; n -= 1) {
    // When everything has ended there is nothing left to disturb, unless somebody begins again.
    if (n % 10 === 0 && !course.mayGoOn() && border.waiting.size === 0 && (await course.isDone())) break;
    const others = [...workers.choices(), ...course.choices(), ...passes()];
    await happen(pick(random, [...waitingChoices(), ...others]));
  }
  workers.wakeAll();
  await goWell();
  await course.endCommands({ goWell, pass });
  schedule.push('-- from here on everything goes well');
  for (let n = 0; n < MOST_PASSES; n += 1) {
    await goWell();
    if (await course.isDone()) break;
    await pass(await course.restMs(n));
    await goWell();
    workers.takeAll();
  }
  violations.push(...(await course.check()));
  return { violations, schedule, broken };
}
