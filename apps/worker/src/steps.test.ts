import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** What a job handler may use of the database beside its steps. */
const ALLOWED = ['DatabaseUnavailableError'];

/** The values that a source file imports from the database package: types are no statements. */
function valuesFromDatabase(source: string): string[] {
  const imports = source.matchAll(/import (type )?\{([^}]*)\} from '@emr-payments\/db'/g);
  return [...imports].flatMap(([, onlyTypes, names = '']) =>
    onlyTypes === undefined
      ? names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== '' && !name.startsWith('type '))
      : [],
  );
}

test('job handlers reach the database by steps alone, where the crash suite can stop and replace them', () => {
  const folder = join(import.meta.dirname, 'jobs');
  const sources = readdirSync(folder).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  expect(sources).toContain('post-payment.ts');
  const direct = sources.flatMap((file) =>
    valuesFromDatabase(readFileSync(join(folder, file), 'utf8'))
      .filter((name) => !ALLOWED.includes(name))
      .map((name) => `${file}: ${name}, which belongs into steps.ts`),
  );
  expect(direct).toEqual([]);
});
