import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FOREIGN_TARGETS } from './clients/foreign-targets.ts';
import { NPM_TARGETS } from './clients/npm-targets.ts';
import { type Result, tryTarget } from './clients/try-target.ts';

/** Clients that are generated from the document post a payment. `pnpm clients` does it with the generators of other languages too. */

let folder: string;
let database: TestDatabase;
let stack: Stack;
let document: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-clients-'));
  database = await openTestDatabase();
  stack = await startStack({ folder: join(folder, 'stack'), databaseUrl: database.url });
  document = await (await fetch(`${stack.apiUrl}/openapi.json`)).text();
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const tried = (target: (typeof NPM_TARGETS)[number], text = document): Promise<Result> =>
  tryTarget(target, { folder, document: text, baseUrl: stack.apiUrl, credentials: stack.demo });

test.each(NPM_TARGETS)('$name', { timeout: 180_000 }, async (target) => {
  expect(await tried(target)).toMatchObject({ outcome: 'passed' });
});

test('a client of a document that is wrong does not pass', { timeout: 180_000 }, async () => {
  const [target] = NPM_TARGETS;
  if (target === undefined) throw new Error('there is no generator');
  const wrong = document.replaceAll('"reference_number"', '"reference"');
  expect(await tried(target, wrong)).toMatchObject({ outcome: 'failed', at: 'compile' });
});

test('a generator that is not found is skipped by name', async () => {
  const [target] = FOREIGN_TARGETS;
  if (target === undefined) throw new Error('there is no generator');
  const absent = { ...target, needs: ['no-such-program'] };
  expect(await tried(absent)).toEqual({ outcome: 'skipped', missing: ['no-such-program'] });
});
