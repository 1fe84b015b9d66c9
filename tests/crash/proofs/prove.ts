import { check } from '../check.ts';
import type { Violation } from '../rules.ts';
import type { SabotageName } from './sabotages.ts';
import { openScene } from './scene.ts';
import { SCHEDULES } from './schedules.ts';
import type { Stage } from './stage.ts';

export type Proof = {
  name: SabotageName;
  /** True when the sabotage led to one of its violations, and the same schedule found nothing at a correct worker. */
  caught: boolean;
  /** Violations that the schedule found at a correct worker: there must be none. */
  correct: readonly Violation[];
  sabotaged: readonly Violation[];
  ms: number;
};

let played = 0;

/** How often a schedule is played with sabotaged workers before the sabotage counts as one that does not fit. */
const PLAYS = 3;

async function play(
  stage: Stage,
  { name, sabotage }: { name: SabotageName; sabotage: SabotageName | null },
): Promise<readonly Violation[]> {
  const { director, database } = stage;
  const { script, play: act } = SCHEDULES[name];
  const { rows } = await database.pool.query<{ last: number }>(
    "SELECT nextval(pg_get_serial_sequence('jobs', 'id')) AS last",
  );
  director.begin({ sabotage, inSets: script.inSets ?? false, afterJob: Number(rows[0]?.last ?? 0) });
  played += 1;
  const scene = await openScene(stage, { script, reference: `${name}-${played}` });
  try {
    await act(scene);
    return check(await scene.records());
  } finally {
    await scene.close();
  }
}

/**
 * Plays the schedule of a sabotage with correct workers, and with sabotaged ones until the sabotage has had an effect, three times at most.
 *
 * @throws Error when the schedule did not come about, or the sabotage had no effect: then nothing is proven.
 */
export async function prove(stage: Stage, name: SabotageName): Promise<Proof> {
  const startedAt = performance.now();
  const correct = await play(stage, { name, sabotage: null });
  let sabotaged = await play(stage, { name, sabotage: name });
  // A schedule can miss its moment: a settlement claims nothing while the relay feeds.
  for (let again = 1; again < PLAYS && stage.director.broken === 0; again += 1)
    sabotaged = await play(stage, { name, sabotage: name });
  // A worker that breaks the rule by itself leaves the sabotage nothing to do: then the violations say more.
  if (stage.director.broken === 0 && correct.length === 0) {
    throw new Error(`the sabotage ${name} had no effect: it no longer fits the worker`);
  }
  const { caughtAs } = SCHEDULES[name];
  const found = sabotaged.some(({ rule }) => caughtAs.some((caught) => caught === rule));
  return {
    name,
    caught: found && correct.length === 0,
    correct,
    sabotaged,
    ms: performance.now() - startedAt,
  };
}
