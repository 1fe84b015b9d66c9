import { openTestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SabotageName } from '../crash/proofs/sabotages.ts';
import { play, type Result } from './play.ts';
import { openStage, type Stage } from './stage.ts';

/** Some seconds of a free machine; `pnpm schedules` plays more. */
const SEEDS = 150;

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
async function firstBad(sabotage: SabotageName | null, isLookedFor: (result: Result) => boolean) {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const result = await play(stage, { seed, sabotage });
    if (isLookedFor(result)) return { seed, violations: result.violations };
  }
  return null;
}

test('no schedule breaks a rule: `pnpm schedules --seed N` prints the one that does', async () => {
  expect(await firstBad(null, ({ violations }) => violations.length > 0)).toBeNull();
});

const TWICE = 'two entries for one payment';

/** Those of the sabotages that the schedules meet often. The directed schedules of tests/crash/proofs catch every one. */
const CAUGHT_AS: Partial<Record<SabotageName, readonly string[]>> = {
  'skip-look-up': [TWICE, 'failed payment is in the EMR'],
  'send-again-unasked': [TWICE, 'failed payment is in the EMR'],
  'another-key': ['posted payment is not in the EMR', 'needs a review although its EMR can be asked'],
  'no-sent-at': ['request without an attempt', TWICE],
  'no-fence-at-begin': ['request without an attempt', TWICE],
  'no-round': ['state transition is not allowed', 'event has another sequence'],
  'no-outbox': ['payment is stuck'],
};

test.each(Object.entries(CAUGHT_AS))('%s is found', async (name, rules) => {
  const found = await firstBad(
    name as SabotageName,
    ({ violations, broken }) => broken > 0 && violations.some(({ rule }) => rules.includes(rule)),
  );
  expect(found).not.toBeNull();
});

test('a seed plays the same schedule again, and another seed another one', async () => {
  const played = async (seed: number) => (await play(stage, { seed })).schedule;
  const first = await played(7);
  expect(first.length).toBeGreaterThan(50);
  expect(await played(8)).not.toEqual(first);
  for (let seed = 1; seed <= 20; seed += 1) expect(await played(seed)).toEqual(await played(seed));
});
