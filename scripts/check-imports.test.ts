import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkImports, importsOf, valueImportsOf } from './check-imports.ts';

let root: string;

function put(path: string, content: string | object): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content));
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'emr-payments-imports-'));
  put('package.json', { name: 'root', devDependencies: { vitest: '1' } });
  put('packages/contracts/package.json', { name: '@emr-payments/contracts' });
  put('packages/testkit/package.json', { name: '@emr-payments/testkit' });
  put('packages/db/package.json', {
    name: '@emr-payments/db',
    dependencies: { '@emr-payments/contracts': '*', '@emr-payments/emr': '*', pg: '*' },
    devDependencies: { '@emr-payments/testkit': '*' },
  });
  put('packages/emr/package.json', { name: '@emr-payments/emr' });
  put('apps/api/package.json', { name: '@emr-payments/api', dependencies: { '@emr-payments/worker': '*' } });
  put('apps/worker/package.json', { name: '@emr-payments/worker' });
  put('apps/cli/package.json', { name: '@emr-payments/cli', dependencies: { '@emr-payments/db': '*' } });
  put(
    'packages/db/src/good.ts',
    `import { a } from '@emr-payments/contracts';\nimport pg from 'pg';\nimport './own.ts';`,
  );
  put(
    'packages/db/src/good.test.ts',
    `import { b } from '@emr-payments/testkit';\nimport { test } from 'vitest';`,
  );
  put('apps/api/src/config.ts', 'export const port = process.env.PORT;');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('check-imports', () => {
  test('finds no violation in a tree that keeps the rules', () => {
    expect(checkImports(root)).toEqual([]);
  });

  test.each([
    [
      'an import within one layer',
      'packages/db/src/x.ts',
      `import { e } from '@emr-payments/emr';`,
      /emr is not below packages\/db/,
    ],
    [
      'an app that imports an app',
      'apps/api/src/x.ts',
      `export * from '@emr-payments/worker';`,
      /worker is not below apps\/api/,
    ],
    [
      'an upward import of a type',
      'packages/contracts/src/x.ts',
      `import type { D } from '@emr-payments/db';`,
      /db is not below/,
    ],
    [
      'a path into another package',
      'apps/api/src/x.ts',
      `import '../../worker/src/main.ts';`,
      /reaches out of its package/,
    ],
    [
      'testkit in the service',
      'packages/db/src/x.ts',
      `import { t } from '@emr-payments/testkit';`,
      /for tests alone/,
    ],
    [
      'the tests’ part of a package',
      'apps/api/src/x.ts',
      `import { p } from '@emr-payments/db/testing';`,
      /db\/testing, which is for tests alone/,
    ],
    [
      'a fixture in the service',
      'packages/db/src/x.ts',
      `import { f } from './y.fixture.ts';`,
      /for tests alone/,
    ],
    [
      'the conformance suite in the service',
      'packages/db/src/x.ts',
      `import { c } from './conformance/suite.ts';`,
      /for tests alone/,
    ],
    [
      'an undeclared package',
      'apps/api/src/x.ts',
      `const got = await import('got');`,
      /'got', which apps\/api\/package.json does not declare/,
    ],
    [
      'a development tool in the service',
      'packages/db/src/x.ts',
      `import { vi } from 'vitest';`,
      /'vitest', which/,
    ],
    ['a builtin without node:', 'apps/api/src/x.ts', `import fs from 'fs';`, /without node:/],
    [
      'a command that calls the database',
      'apps/cli/src/commands/x.ts',
      `import {\n  type Actor,\n  disableClient,\n} from '@emr-payments/db';`,
      /calls @emr-payments\/db/,
    ],
    [
      'a command that loads the database late',
      'apps/cli/src/commands/x.ts',
      `const { disableClient } = await import('@emr-payments/db');`,
      /calls @emr-payments\/db/,
    ],
    [
      'process.env outside a config.ts',
      'packages/db/src/x.ts',
      'const url = process.env.DATABASE_URL;',
      /reads process\.env/,
    ],
  ])('refuses %s', (_what, path, source, sentence) => {
    put(path, source);
    const violations = checkImports(root);
    expect(violations.join('\n')).toMatch(sentence);
    expect(violations.every((violation) => violation.startsWith(path))).toBe(true);
  });

  test.each([
    [
      'two files of one folder, types included',
      { 'src/a.ts': `import { b } from './b.ts';`, 'src/b.ts': `import type { A } from './a.ts';` },
      'packages/db/src has a circle: a.ts, b.ts',
    ],
    [
      'two folders, although their files form no circle',
      {
        'src/one/a.ts': `import '../two/b.ts';`,
        'src/one/c.ts': '',
        'src/two/b.ts': '',
        'src/two/d.ts': `import '../one/c.ts';`,
      },
      'packages/db/src has a circle: one, two',
    ],
    [
      'a folder and a file beside it, through a third',
      {
        'src/one/a.ts': `import '../two/b.ts';`,
        'src/two/b.ts': `export * from '../c.ts';`,
        'src/c.ts': `const { a } = await import('./one/a.ts');`,
      },
      'packages/db/src has a circle: c.ts, one, two',
    ],
    [
      'two nested folders',
      { 'src/x/one/a.ts': `import '../two/b.ts';`, 'src/x/two/b.ts': `import '../one/a.ts';` },
      'packages/db/src/x has a circle: one, two',
    ],
  ])('refuses a circle of %s', (_what, files, sentence) => {
    for (const [path, source] of Object.entries(files)) put(`packages/db/${path}`, source);
    expect(checkImports(root).map((violation) => violation.split('\n')[0])).toContain(sentence);
  });

  test('lists the imports that form a circle, and no others', () => {
    put('packages/db/src/one/a.ts', `import '../two/b.ts';\nimport '../good.ts';`);
    put('packages/db/src/two/b.ts', `import '../one/a.ts';`);
    expect(checkImports(root)).toEqual([
      'packages/db/src has a circle: one, two\n' +
        '  packages/db/src/one/a.ts → packages/db/src/two/b.ts\n' +
        '  packages/db/src/two/b.ts → packages/db/src/one/a.ts',
    ]);
  });

  test('allows several downward paths to one file', () => {
    put('packages/db/src/top.ts', `import './one/a.ts';\nimport './two/b.ts';`);
    put('packages/db/src/one/a.ts', `import '../two/b.ts';\nimport './c.ts';`);
    put('packages/db/src/one/c.ts', `import '../two/b.ts';`);
    put('packages/db/src/two/b.ts', '');
    put('packages/db/src/two/b.test.ts', `import '../one/a.ts';`);
    expect(checkImports(root)).toEqual([]);
  });

  test('lets a command name types of the database', () => {
    put(
      'apps/cli/src/commands/x.ts',
      `import type { A } from '@emr-payments/db';\nimport { type B, type C } from '@emr-payments/db';`,
    );
    expect(checkImports(root)).toEqual([]);
    expect(valueImportsOf(`import x, { type Y } from 'z';\nexport * from 'w';\nimport 'v';`)).toEqual([
      'z',
      'w',
      'v',
    ]);
  });

  test('finds imports that span several lines', () => {
    expect(importsOf(`import {\n  a,\n  type B,\n} from 'x';\nexport type { C } from "y/z";`)).toEqual([
      'x',
      'y/z',
    ]);
  });
});
