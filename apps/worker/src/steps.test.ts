import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as db from '@emr-payments/db';
import { expect, test } from 'vitest';
import { jobSteps } from './steps.ts';

/** The names that a source file imports from the database package, types without their keyword among them. */
function importedFromDatabase(source: string): string[] {
  const imports = source.matchAll(/import (?!type )\{([^}]*)\} from '@emr-payments\/db'/g);
  return [...imports].flatMap(([, names = '']) => names.split(',').map((name) => name.trim()));
}

/** A statement is an async function. Constants, error classes and functions that only compute are none. */
const isStatement = (name: string) =>
  (db as unknown as Record<string, { constructor?: { name: string } }>)[name]?.constructor?.name ===
  'AsyncFunction';

test('job handlers run statements as steps alone, where the crash suite can stop and replace them', () => {
  expect(Object.keys(jobSteps).filter((name) => !isStatement(name))).toEqual([]);
  const folder = join(import.meta.dirname, 'jobs');
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  expect(sources).toContain('post-payment.ts');
  const direct = sources.flatMap((file) =>
    importedFromDatabase(readFileSync(join(folder, file), 'utf8'))
      .filter(isStatement)
      .map((name) => `${file}: ${name}, which belongs into steps.ts`),
  );
  expect(direct).toEqual([]);
});
