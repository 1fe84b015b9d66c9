import { type Random, randomFrom } from '../../crash/random.ts';
import { type Choice, createBorder } from '../border.ts';
import { type Clock, takeClock } from '../clock.ts';
import type { Violation } from '../part.ts';
import { pick, type Result } from '../play.ts';
import { createClients, plannedPayments } from './clients.ts';
import { createPeople, KEY_DAYS } from './people.ts';
import { createProcesses } from './processes.ts';
import { checkApi } from './rules.ts';
import { API_SABOTAGES, type ApiSabotageName } from './sabotages.ts';
import { API_MOODS, type ApiMood, type ApiWorld, openServer } from './server.ts';
import type { ApiStage } from './stage.ts';

/** Choices among which there is trouble. After them everything goes well until all clients have an answer. */
const CHOICES = { least: 40, most: 160 };
const MOST_PASSES = 20;
const DAY_MS = 24 * 3_600_000;
/** A request passes through so many turns of the event loop, at most, between two places where it waits. */
const TURNS = 12;

const moodOf = (random: Random): ApiMood =>
  Object.fromEntries(API_MOODS.map((name) => [name, random.pick([0, 1, 3])])) as ApiMood;

/**
 * Plays the schedule of a seed at the API: clients with their payments and keys, its processes, people who decide.
 *
 * @returns what was broken when everything had come to rest.
 */
export async function playApi(
  stage: ApiStage,
  { seed, sabotage = null }: { seed: number; sabotage?: ApiSabotageName | null },
): Promise<Result> {
  const random = randomFrom(seed);
  await stage.clear();
  const clock = takeClock();
  const { random: ownRandom } = Math;
  Math.random = randomFrom(seed + 1).next;
  try {
    return await playOn(stage, { random, clock, sabotage });
  } finally {
    Math.random = ownRandom;
    clock.restore();
  }
}

async function playOn(
  stage: ApiStage,
  { random, clock, sabotage }: { random: Random; clock: Clock; sabotage: ApiSabotageName | null },
): Promise<Result> {
  const schedule: string[] = [];
  const violations: Violation[] = [];
  let broken = 0;
  const broke = () => {
    broken += 1;
  };
  stage.logger.error = ({ err, code = '' }, message) =>
    void (code === 'internal_error' && schedule.push(`the log: ${message}: ${err}`));
  const mood = moodOf(random);
  const border = createBorder();
  const world: ApiWorld = { border, clock, connections: stage.connections, mood };
  const server = openServer(world, sabotage === null ? {} : API_SABOTAGES[sabotage](broke));
  const processes = createProcesses({ stage, server }, { freezes: mood.freezes });
  const clients = createClients(processes);
  for (const deed of plannedPayments(stage.practices, random)) clients.add(deed);
  const people = createPeople({ mood, server, stage, clients, random });
  let expiries = 0;
  let isLate = false;

  async function turn(): Promise<void> {
    for (let isMoving = true; isMoving; ) {
      isMoving = stage.isAsking() || stage.connections.isOpening();
      for (let n = 0; n < TURNS; n += 1) await new Promise((resolve) => setImmediate(resolve));
      await stage.connections.rest();
      isMoving ||= stage.isAsking() || stage.connections.isOpening();
    }
    processes.hangUpDead();
  }

  async function pass(ms: number): Promise<void> {
    isLate = true;
    clock.pass(ms);
    await server.endOld();
  }

  const isQuiet = () => border.waiting.size === 0 && !clients.isWaiting() && !people.isAtWork();

  const passes = (): Choice[] => [
    ...[1_000, 6_000, 16_000].map((ms) => ({
      label: `${ms / 1000} s pass`,
      weight: mood.time / 4,
      happen: () => pass(ms),
    })),
    {
      label: 'days pass',
      weight: isQuiet() ? mood.time / 4 : 0,
      async happen() {
        expiries += 1;
        await pass((KEY_DAYS + 1) * DAY_MS);
      },
    },
  ];

  const waitingChoices = () =>
    [...border.waiting].filter(({ actor }) => !actor.frozen).flatMap((waiting) => waiting.choices());

  async function happen(choice: Choice | undefined): Promise<void> {
    if (choice === undefined) return;
    schedule.push(choice.label);
    await choice.happen();
    await turn();
  }

  /** Everything that waits goes well. */
  async function goWell(): Promise<void> {
    do {
      await turn();
      for (let [first] = border.waiting; first !== undefined; [first] = border.waiting)
        await happen(first.choices()[0]);
    } while (await server.commitAll());
    await turn();
  }

  for (let n = random.between(CHOICES.least, CHOICES.most); n > 0; n -= 1) {
    if (mood.people > 0) await people.look();
    const others = [
      ...clients.choices(),
      ...processes.choices(),
      ...server.choices(),
      ...people.choices(),
      ...passes(),
    ];
    await happen(pick(random, [...waitingChoices(), ...others]));
  }
  schedule.push('-- from here on everything goes well');
  processes.wakeAll();
  await server.forgetDead();
  await goWell();
  for (const choice of processes
    .choices()
    .filter(({ weight, label }) => weight > 0 && label.includes('starts')))
    await happen(choice);
  for (let n = 0; n < MOST_PASSES; n += 1) {
    clients.sendRest();
    await goWell();
    if (isQuiet() && clients.deeds.every(({ key, answers }) => key === null || answers.length > 0)) break;
    await pass(1_000);
  }
  const isTroubled = server.isTroubled || isLate;
  violations.push(...(await checkApi(stage, { clients, expiries, isTroubled })));
  return { violations, schedule, broken };
}
