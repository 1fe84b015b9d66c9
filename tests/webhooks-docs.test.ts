import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'docs/webhook-comparison.md'), 'utf8');
const table = page.split('\n');
/** Reads the first two cells of each line that claims a yes: the feature, and the test that proves it. */
const claims = table
  .map((line) =>
    line
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, 3),
  )
  .filter(([, ours]) => ours?.startsWith('yes'));

test('the table of features makes claims', () => {
  expect(claims.length).toBeGreaterThan(20);
});

test.each(claims)('%s', (_feature, ours = '') => {
  const [, file = '', title = ''] = /^yes: `([^`]+\.test\.ts)` "(.+)"$/.exec(ours) ?? [];
  expect(title, ours).not.toBe('');
  const source = readFileSync(join(ROOT, file), 'utf8');
  expect(source.includes(`'${title}'`), `${file} has no test "${title}"`).toBe(true);
});
