import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The variables that a config.ts declares. */
function variablesOf(path: string): string[] {
  return [...read(path).matchAll(/^ {2}([A-Z][A-Z_]+): (?:Type\.|port\(|url\()/gm)].map(
    (match) => match[1] ?? '',
  );
}

describe('README.md', () => {
  test.each(['apps/api', 'apps/worker', 'packages/stack/src/dev'])('names every variable of %s', (folder) => {
    const path = folder.startsWith('apps') ? `${folder}/src/config.ts` : `${folder}/config.ts`;
    const variables = variablesOf(path);
    expect(variables.length).toBeGreaterThan(3);
    const readme = read('README.md');
    expect(variables.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

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

test('packages are checked against the Node that runs them, so that no older host is warned of all of them', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> };
  expect(read('pnpm-workspace.yaml')).toContain(`\nnodeVersion: ${devDependencies.node}\n`);
});

test('results of the bench are data: one that was just written does not fail the lint check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-lint-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const lint = () => spawnSync('biome', ['check', '--vcs-enabled=false', '.'], { cwd: folder }).status;
  // As `JSON.stringify(result, null, 2)` writes it, and as the formatter would not.
  const result = '{\n  "spread": [\n    1,\n    2\n  ]\n}\n';
  put('biome.json', read('biome.json'));
  put('bench/results/2026-01-01T0000.json', result);
  expect(lint()).toBe(0);
  put('bench/other.json', result);
  expect(lint()).toBe(1);
});
