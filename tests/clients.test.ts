import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREIGN_TARGETS } from './clients/foreign-targets.ts';
import type { Journey } from './clients/journeys.ts';
import { journeysOf } from './clients/journeys-of-stack.ts';
import { NPM_TARGETS } from './clients/npm-targets.ts';
import { type Result, tryTarget } from './clients/try-target.ts';

/** Clients that are generated from the documents post a payment, and make a practice that can take one. `pnpm clients` does it with the generators of other languages too. */

let folder: string;
let database: TestDatabase;
let stack: Stack;
let journeys: Awaited<ReturnType<typeof journeysOf>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-clients-'));
  database = await openTestDatabase();
  stack = await startStack({ folder: join(folder, 'stack'), databaseUrl: database.url });
  journeys = await journeysOf(stack, { databaseUrl: database.appUrl });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

type Target = (typeof NPM_TARGETS)[number];
const tried = (target: Target, name: keyof typeof journeys, change: Partial<Journey> = {}): Promise<Result> =>
  tryTarget(target, {
    folder: join(folder, name),
    baseUrl: stack.apiUrl,
    journey: { ...journeys[name], ...change },
  });

test.each(NPM_TARGETS)('$name', { timeout: 180_000 }, async (target) => {
  expect(await tried(target, 'integrator')).toMatchObject({ outcome: 'passed' });
});

test.each(NPM_TARGETS.filter(({ operator }) => operator === true))(
  '$name, of the operator',
  { timeout: 180_000 },
  async (target) => {
    expect(await tried(target, 'operator')).toMatchObject({ outcome: 'passed' });
  },
);

test('a client of a document that is wrong does not pass', { timeout: 180_000 }, async () => {
  const [target] = NPM_TARGETS;
  if (target === undefined) throw new Error('there is no generator');
  const document = journeys.integrator.document.replaceAll('"reference_number"', '"reference"');
  expect(await tried(target, 'integrator', { document })).toMatchObject({ outcome: 'failed', at: 'compile' });
});

test('a generator that is not found is skipped by name', async () => {
  const [target] = FOREIGN_TARGETS;
  if (target === undefined) throw new Error('there is no generator');
  const absent = { ...target, needs: ['no-such-program'] };
  expect(await tried(absent, 'integrator')).toEqual({ outcome: 'skipped', missing: ['no-such-program'] });
});
