import { openTestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Part } from './part.ts';
import { play, type Result } from './play.ts';
import { openStage, type Stage } from './stage.ts';

/** How many seeds are played twice. */
const REPLAYED = 10;

/**
 * Declares the tests of one part: no schedule breaks a rule, sabotages are found, and a seed plays the same schedule again.
 *
 * @param input.seeds how many are played: some seconds of a free machine. `pnpm schedules` plays more.
 * @param input.caught the sabotages that these seeds find, with the rules of which one is broken.
 */
export function testPart<Name extends string>(
  part: Part<Name>,
  { seeds, caught }: { seeds: number; caught: Partial<Record<Name, readonly string[]>> },
): void {
  let stage: Stage;
  let drop: () => Promise<unknown>;
  beforeAll(async () => {
    const database = await openTestDatabase();
    ({ drop } = database);
    stage = await openStage(database);
  });
  afterAll(async () => {
    await stage.close();
    await drop();
  });

  /** @returns the first seed whose schedule has a violation that is looked for; null when none has. */
  async function firstBad(sabotage: Name | null, isLookedFor: (result: Result) => boolean) {
    for (let seed = 1; seed <= seeds; seed += 1) {
      const acts = sabotage === null ? {} : part.sabotages[sabotage];
      const result = await play(stage, part, { seed, sabotage: acts });
      if (isLookedFor(result)) return { seed, violations: result.violations };
    }
    return null;
  }

  test('no schedule breaks a rule: `pnpm schedules --part NAME --seed N` prints the one that does', async () => {
    expect(await firstBad(null, ({ violations }) => violations.length > 0)).toBeNull();
  });

  test.each(Object.entries(caught) as [Name, readonly string[]][])('%s is found', async (name, rules) => {
    const found = await firstBad(
      name,
      ({ violations, broken }) => broken > 0 && violations.some(({ rule }) => rules.includes(rule)),
    );
    expect(found).not.toBeNull();
  });

  test('a seed plays the same schedule again, and another seed another one', async () => {
    const played = async (seed: number) => (await play(stage, part, { seed })).schedule;
    const first = await played(7);
    expect(first.length).toBeGreaterThan(50);
    expect(await played(8)).not.toEqual(first);
    for (let seed = 1; seed <= REPLAYED; seed += 1) expect(await played(seed)).toEqual(await played(seed));
  });
}
