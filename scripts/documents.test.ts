import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { adapterDescriptions } from '../packages/emr/src/index.ts';
import { emrDocument } from './emr-document.ts';
import { environmentDocuments, SECTIONS } from './environment-documents.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const GENERATED = /(^|\/)(node_modules|generated|\.git|\.local|\.turbo)(\/|$)/;
const filesLike = (pattern: string | string[]): string[] =>
  globSync(pattern, { cwd: root, exclude: (path) => GENERATED.test(String(path)) }).toSorted();

describe('the environment', () => {
  test('.env.example and docs/configuration.md are what the schemas say; `pnpm env-example` writes them', async () => {
    for (const [file, content] of Object.entries(await environmentDocuments(root))) {
      expect(read(file), file).toBe(content);
    }
  });

  test('every config.ts of an app or package is documented', () => {
    const documented = SECTIONS.flatMap(({ readers }) => readers.map(({ config }) => config));
    // The loader itself, which has no variables.
    const loader = 'packages/runtime/src/config.ts';
    const configs = filesLike('{apps,packages}/*/src/**/config.ts').filter((path) => path !== loader);
    expect(documented.toSorted()).toEqual(configs);
  });

  test('.env.example has every variable of docker-compose.yml', () => {
    const names = [...read('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => `#${name}=`);
    expect(names.length).toBeGreaterThan(3);
    const example = read('.env.example');
    expect(names.filter((name) => !example.includes(name))).toEqual([]);
  });

  test('README.md sends readers to both', () => {
    expect(read('README.md')).toContain('(docs/configuration.md)');
    expect(read('README.md')).toContain('(.env.example)');
  });
});

test('docs/emrs.md is what the adapters say; `pnpm emr-document` writes it', () => {
  expect(read('docs/emrs.md')).toBe(emrDocument());
});

test('the README of every adapter exists', () => {
  for (const { readme } of adapterDescriptions) expect(existsSync(join(root, readme)), readme).toBe(true);
});

describe('the version', () => {
  const { version, license } = JSON.parse(read('package.json')) as { version: string; license: string };

  test('CHANGELOG.md has an entry for the version of package.json, below an Unreleased one', () => {
    const headings = [...read('CHANGELOG.md').matchAll(/^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$/gm)];
    expect(headings[0]?.slice(1)).toEqual(['Unreleased', undefined]);
    expect(headings[1]?.[1]).toBe(version);
    expect(headings[1]?.[2]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  });

  test('every workspace package has the version of the root', () => {
    const manifests = filesLike('{apps,packages}/*/package.json').concat(
      'bench/package.json',
      'tests/package.json',
    );
    const versions = manifests.map((path) => [path, (JSON.parse(read(path)) as { version: string }).version]);
    expect(versions.filter(([, its]) => its !== version)).toEqual([]);
  });

  test('the licence of package.json is the one in LICENSE', () => {
    expect(license).toBe('Apache-2.0');
    expect(read('LICENSE')).toContain('Apache License\n                           Version 2.0, January 2004');
  });
});

describe('the files of the story in docs/architecture.md', () => {
  const [, section = ''] = /## The files of the story\n(.*?)\n## /s.exec(read('docs/architecture.md')) ?? [];
  const listed = [...section.matchAll(/^- (\*\*)?`([^`]+)`(?:\*\*)? · `(\w+)`(?:, `\w+`)* · /gm)].map(
    ([, bold, path = '', name = '']) => ({ bold: bold !== undefined, path, name }),
  );

  test('are as many as the page says, each listed once', () => {
    const [, bold, all] = /The (\d+) files in bold .* all (\d+) together/.exec(section) ?? [];
    expect(new Set(listed.map(({ path }) => path)).size).toBe(Number(all));
    expect(listed.length).toBe(Number(all));
    expect(listed.filter((file) => file.bold).length).toBe(Number(bold));
  });

  test.each(listed)('$path exports $name', ({ path, name }) => {
    expect(read(path)).toMatch(new RegExp(`^export (async )?(function|const|class|type) ${name}\\b`, 'm'));
  });
});

/** Matches text in backticks that looks like a path: a name with one of our extensions, or something below one of our folders. */
const PATH_LIKE =
  /^(?:(?:apps|packages|bench|tests|scripts|docs|prisma|deploy|\.ci|\.github)(?:\/[\w.@-]+)*\/?|[\w.@-]+(?:\/[\w.@-]+)*\.(?:ts|md|sql|svg|yml|prisma))$/;

/** Examples of names, not files of the repository. */
const isExample = (path: string): boolean => /^x\.(test|fixture)\.ts$/.test(path) || path.includes('NNNN');

const pages = filesLike([
  '*.md',
  'docs/**/*.md',
  '{apps,packages}/**/*.md',
  'bench/**/*.md',
  'tests/**/*.md',
  'deploy/**/*.md',
]);
const everything = filesLike('**/*').concat(filesLike('.ci/*'));

/** A backticked path may be given from the root, from the page's folder, or by its last parts (`jobs/feed-jobs.ts`). */
function isThere(page: string, path: string): boolean {
  const clean = path.replace(/\/$/, '');
  if (existsSync(join(root, clean)) || existsSync(join(root, dirname(page), clean))) return true;
  return everything.some((file) => file.endsWith(`/${clean}`));
}

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('links to files that are there', () => {
    const links = [...text.matchAll(/\]\(([^)#\s:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path);
    expect(links.filter((path) => !existsSync(join(root, dirname(page), path)))).toEqual([]);
  });

  test('names files and folders that are there', () => {
    const prose = text.replaceAll(/^```.*?^```$/gms, '');
    const paths = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, path = '']) => path);
    const missing = paths.filter((path) => PATH_LIKE.test(path) && !isExample(path) && !isThere(page, path));
    expect(missing).toEqual([]);
  });

  test('links to headings that are there', () => {
    const links = [...text.matchAll(/\]\(([^)#\s:]*)#([^)]+)\)/g)];
    const missing = links.filter(([, path = '', anchor = '']) => {
      const target = path === '' ? page : join(dirname(page), path);
      return !anchorsOf(target).includes(anchor);
    });
    expect(missing.map(([link]) => link)).toEqual([]);
  });
});

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(page: string): string[] {
  if (!existsSync(join(root, page))) return [];
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the image has the documents that the API serves', () => {
  const served = globSync('docs/*.json', { cwd: root }).sort();
  expect(served.length).toBeGreaterThan(1);
  const copied = /^COPY (.*) docs\/$/m.exec(read('Dockerfile'))?.[1]?.split(' ') ?? [];
  expect(copied.toSorted()).toEqual(served);
  expect(
    read('.dockerignore')
      .match(/(?<=^!)docs\/.*$/gm)
      ?.toSorted(),
  ).toEqual(served);
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

test('every workspace has a README of at most 25 lines', () => {
  const folders = globSync('{apps,packages}/*/package.json', { cwd: root }).map((path) => dirname(path));
  expect(folders.length).toBeGreaterThan(12);
  const lines = (folder: string) =>
    existsSync(join(root, folder, 'README.md')) ? read(`${folder}/README.md`).split('\n').length - 1 : 0;
  const wrong = [...folders, 'bench', 'tests'].filter((folder) => lines(folder) < 5 || lines(folder) > 25);
  expect(wrong).toEqual([]);
});
