import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findCircles, type Import } from './find-circles.ts';

// Written by hand because dependency-cruiser reads TypeScript 7 only through a second compiler, and would still need our
// own code for test code, undeclared packages and process.env.

/**
 * Who may import whom: only a lower number. Packages with the same number do not import each other, so no app imports an app.
 * `contracts, runtime, outbound ← db, emr, webhooks ← operations, client ← apps ← stack ← tests, bench`
 */
const LAYERS: Readonly<Record<string, number>> = {
  'packages/contracts': 0,
  'packages/runtime': 0,
  'packages/outbound': 0,
  'packages/testkit': 0,
  'packages/db': 1,
  'packages/emr': 1,
  'packages/webhooks': 1,
  'packages/operations': 2,
  'packages/client': 2,
  apps: 3,
  'packages/stack': 4,
  tests: 5,
  bench: 5,
};

const SCOPE = '@emr-payments/';
const TESTKIT = `${SCOPE}testkit`;

/** Code that a package shares with the tests of others: `@emr-payments/db/testing`. */
const TESTING = /^@emr-payments\/[\w-]+\/testing$/;

/**
 * Code that presents what an operator can do, on a command line or over HTTP. It takes every function from packages/operations and names
 * only types of packages/db, so that both do the same, and neither writes what the other does not.
 */
const PRESENTERS = /^apps[/\\](cli[/\\]src[/\\]commands|api[/\\]src[/\\]operator)[/\\]/;
const DATABASE = `${SCOPE}db`;

type Manifest = {
  name: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
};
type Workspace = { folder: string; layer: number; manifest: Manifest };

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

function findWorkspaces(root: string): Workspace[] {
  const below = (parent: string) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => `${parent}/${name}`) : [];
  return [...below('packages'), ...below('apps'), 'bench', 'tests']
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const layer = LAYERS[folder] ?? LAYERS[dirname(folder)];
      if (layer === undefined)
        throw new Error(`${folder} has no layer: add it to LAYERS in scripts/check-imports.ts`);
      return { folder, layer, manifest: readManifest(join(root, folder)) };
    });
}

function sourceFiles(folder: string): string[] {
  const exclude = ['**/node_modules/**', '**/generated/**'];
  return globSync('**/*.ts', { cwd: folder, exclude })
    .sort()
    .map((path) => join(folder, path));
}

/** Lists what a file imports or re-exports, statically or dynamically. Type imports count: they couple packages too. */
export function importsOf(source: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^;'"`]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ];
  return patterns.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? ''));
}

/** Lists the specifiers of which a file imports or re-exports more than types. */
export function valueImportsOf(source: string): string[] {
  const listed = /^\s*(?:import|export)\b([^;'"`]*?)\bfrom\s*['"]([^'"]+)['"]/gm;
  const values = [...source.matchAll(listed)].flatMap(([, what = '', specifier = '']) => {
    if (/^\s+type\b/.test(what)) return [];
    const named = /^\s*\{([^}]*)\}\s*$/.exec(what)?.[1];
    const names = named?.split(',').map((name) => name.trim()) ?? [what];
    return names.every((name) => name === '' || name.startsWith('type ')) ? [] : [specifier];
  });
  const whole = [/^\s*import\s*['"]([^'"]+)['"]/gm, /\bimport\(\s*['"]([^'"]+)['"]/g];
  return [
    ...values,
    ...whole.flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1] ?? '')),
  ];
}

/** `@scope/name/deep` → `@scope/name`, `name/deep` → `name`. */
function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** `x.test.ts`, what tests share (`x.fixture.ts`, a folder `testing` or `conformance`), and the packages of tests. */
const TEST_FILE = /\.(test|fixture)\.ts$|[/\\](testing|conformance)[/\\]/;

function isTestCode(workspace: Workspace, path: string): boolean {
  return TEST_FILE.test(path) || workspace.folder === 'tests' || workspace.folder === 'bench';
}

/**
 * Checks the imports of every TypeScript file in the repository.
 *
 * @returns one sentence per violation: an import against the layers, a path into another package, test code outside
 *   tests, an undeclared package, a command or operator's route that calls packages/db, process.env outside a config.ts, or a circle between the files and folders of one folder.
 */
export function checkImports(root: string): string[] {
  const workspaces = findWorkspaces(root);
  const byName = new Map(workspaces.map((workspace) => [workspace.manifest.name, workspace]));
  const shared = readManifest(root).devDependencies ?? {};
  const violations: string[] = [];

  for (const workspace of workspaces) {
    const { dependencies = {}, devDependencies = {} } = workspace.manifest;
    const home = resolve(root, workspace.folder);
    const inside: Import[] = [];
    for (const path of sourceFiles(home)) {
      const source = readFileSync(path, 'utf8');
      const test = isTestCode(workspace, path);
      const complain = (what: string) => violations.push(`${relative(root, path)} ${what}`);

      for (const specifier of importsOf(source)) {
        if (specifier.startsWith('.')) {
          if (!resolve(dirname(path), specifier).startsWith(home + sep)) {
            complain(`reaches out of its package with '${specifier}'`);
          }
          if (!test && TEST_FILE.test(resolve(dirname(path), specifier))) {
            complain(`imports '${specifier}', which is for tests alone`);
          }
          if (!TEST_FILE.test(path)) inside.push({ from: path, to: resolve(dirname(path), specifier) });
          continue;
        }
        if (isBuiltin(specifier)) {
          if (!specifier.startsWith('node:')) complain(`imports '${specifier}' without node:`);
          continue;
        }
        const name = packageOf(specifier);
        if (name === workspace.manifest.name) {
          complain(`imports its own package by name`);
          continue;
        }
        const declared = name in dependencies || (test && (name in devDependencies || name in shared));
        if (!declared) complain(`imports '${name}', which ${workspace.folder}/package.json does not declare`);
        if ((name === TESTKIT || TESTING.test(specifier)) && !test) {
          complain(`imports ${specifier}, which is for tests alone`);
        }
        const target = byName.get(name);
        if (name.startsWith(SCOPE) && target === undefined)
          complain(`imports '${name}', which does not exist`);
        if (target !== undefined && target.layer >= workspace.layer && !(test && name === TESTKIT)) {
          complain(`imports ${name}: ${target.folder} is not below ${workspace.folder}`);
        }
      }

      if (!test && PRESENTERS.test(relative(root, path)) && valueImportsOf(source).includes(DATABASE)) {
        complain(
          `calls ${DATABASE}: it presents what packages/operations does, and imports types from there`,
        );
      }

      const mayReadEnv = test || /[/\\]config\.ts$/.test(path);
      if (!mayReadEnv && /\bprocess\.env\b/.test(source))
        complain('reads process.env, which only a config.ts may do');
    }
    for (const circle of findCircles(home, inside)) {
      const ties = circle.imports.map(({ from, to }) => `  ${relative(root, from)} → ${relative(root, to)}`);
      violations.push(
        `${relative(root, circle.folder)} has a circle: ${circle.names.join(', ')}\n${ties.join('\n')}`,
      );
    }
  }
  return violations;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = checkImports(join(import.meta.dirname, '..'));
  for (const violation of violations) process.stderr.write(`${violation}\n`);
  process.stdout.write(
    violations.length === 0 ? 'imports: no violation\n' : `imports: ${violations.length} violations\n`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
