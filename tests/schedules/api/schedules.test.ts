import { openTestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Result } from '../play.ts';
import { playApi } from './play.ts';
import type { ApiSabotageName } from './sabotages.ts';
import { type ApiStage, openApiStage } from './stage.ts';

/** Some seconds of a free machine; `pnpm schedules --part api` plays more. */
const SEEDS = 60;

let stage: ApiStage;
let drop: () => Promise<unknown>;
beforeAll(async () => {
  const database = await openTestDatabase();
  ({ drop } = database);
  stage = await openApiStage(database);
});
afterAll(async () => {
  await stage.close();
  await drop();
});

/** @returns the last seed whose schedule has a violation that is looked for; null when none has. One sabotage is found by the 57th alone. */
async function lastBad(sabotage: ApiSabotageName | null, isLookedFor: (result: Result) => boolean) {
  for (let seed = SEEDS; seed > 0; seed -= 1) {
    const result = await playApi(stage, { seed, sabotage });
    if (isLookedFor(result)) return { seed, violations: result.violations };
  }
  return null;
}

test('no schedule breaks a rule: `pnpm schedules --part api --seed N` prints the one that does', async () => {
  expect(await lastBad(null, ({ violations }) => violations.length > 0)).toBeNull();
});

/** The rules that each sabotage must be found to break. */
const CAUGHT_AS: Readonly<Record<ApiSabotageName, readonly string[]>> = {
  'key-not-claimed': ['one request, two payments'],
  'answer-forgotten': ['key without an answer'],
  'no-compare-and-set': ['audit log differs', 'answered decision is not there'],
  'any-user': ["another tenant's payment was touched"],
  'unknown-is-undone': ['one request, two payments'],
  'answered-uncommitted': ['answered decision is not there'],
};

test.each(Object.entries(CAUGHT_AS))('%s is found', async (name, rules) => {
  const found = await lastBad(
    name as ApiSabotageName,
    ({ violations, broken }) => broken > 0 && violations.some(({ rule }) => rules.includes(rule)),
  );
  expect(found).not.toBeNull();
});

test('a seed plays the same schedule again, and another seed another one', async () => {
  const played = async (seed: number) => (await playApi(stage, { seed })).schedule;
  const first = await played(7);
  expect(await played(8)).not.toEqual(first);
  for (let seed = 1; seed <= 5; seed += 1) expect(await played(seed)).toEqual(await played(seed));
});
