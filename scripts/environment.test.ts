import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
/** packages/runtime/src/config.ts holds `loadConfig` itself, and no variables. */
const files = globSync('{apps,packages}/*/src/**/config.ts', { cwd: root }).filter(
  (path) => path !== 'packages/runtime/src/config.ts',
);

test('every process has a config.ts', () => {
  expect(files.length).toBeGreaterThanOrEqual(9);
});

test.each(files)('%s exports `environment`, and each variable has a description', async (path) => {
  const { environment } = (await import(join(root, path))) as {
    environment?: { properties: Record<string, { description?: string }> };
  };
  const variables = Object.entries(environment?.properties ?? {});
  expect(variables.length).toBeGreaterThan(0);
  expect(variables.filter(([, { description = '' }]) => description === '')).toEqual([]);
});
