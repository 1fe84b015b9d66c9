import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The variables that a config.ts declares. */
async function variablesOf(path: string): Promise<string[]> {
  const { environment } = (await import(join(root, path))) as { environment: { properties: object } };
  return Object.keys(environment.properties);
}

describe('README.md', () => {
  test.each(['apps/api', 'apps/worker', 'packages/stack/src/dev'])(
    'names every variable of %s',
    async (folder) => {
      const path = folder.startsWith('apps') ? `${folder}/src/config.ts` : `${folder}/config.ts`;
      const variables = await variablesOf(path);
      expect(variables.length).toBeGreaterThan(3);
      const readme = read('README.md');
      expect(variables.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
    },
  );

  test('links to files that are there', () => {
    const links = [...read('README.md').matchAll(/\]\(([^)#:]+)\)/g)].map((match) => match[1] ?? '');
    expect(links.length).toBeGreaterThan(2);
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test('Dockerfile installs for every package that it copies the source of', () => {
  const manifests = globSync('{apps,packages}/*/package.json', { cwd: root });
  const dockerfile = read('Dockerfile');
  expect(manifests.length).toBeGreaterThan(8);
  expect(manifests.filter((path) => !dockerfile.includes(`COPY ${path} `))).toEqual([]);
});
