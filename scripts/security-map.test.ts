import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const page = readFileSync(join(root, 'docs', 'security.md'), 'utf8');
const [before = '', asvs = ''] = page.split('\n## OWASP ASVS 5.0.0');

/**
 * The requirements of ASVS 5.0.0 at levels 1 and 2, by section: the numbers of those that exist at these levels
 * (https://github.com/OWASP/ASVS, 5.0, the English CSV).
 */
const REQUIREMENTS: Readonly<Record<string, string>> = {
  '1.1': '1 2',
  '1.2': '1 2 3 4 5 6 7 8 9',
  '1.3': '1 2 3 4 5 6 7 8 9 10 11',
  '1.4': '1 2 3',
  '1.5': '1 2',
  '2.1': '1 2 3',
  '2.2': '1 2 3',
  '2.3': '1 2 3 4',
  '2.4': '1',
  '3.2': '1 2',
  '3.3': '1 2 3 4',
  '3.4': '1 2 3 4 5 6',
  '3.5': '1 2 3 4 5',
  '3.7': '1 2',
  '4.1': '1 2 3',
  '4.2': '1',
  '4.3': '1 2',
  '4.4': '1 2 3 4',
  '5.1': '1',
  '5.2': '1 2 3',
  '5.3': '1 2',
  '5.4': '1 2 3',
  '6.1': '1 2 3',
  '6.2': '1 2 3 4 5 6 7 8 9 10 11 12',
  '6.3': '1 2 3 4',
  '6.4': '1 2 3 4',
  '6.5': '1 2 3 4 5',
  '6.6': '1 2 3',
  '6.8': '1 2 3 4',
  '7.1': '1 2 3',
  '7.2': '1 2 3 4',
  '7.3': '1 2',
  '7.4': '1 2 3 4 5',
  '7.5': '1 2',
  '7.6': '1 2',
  '8.1': '1 2',
  '8.2': '1 2 3',
  '8.3': '1',
  '8.4': '1',
  '9.1': '1 2 3',
  '9.2': '1 2 3 4',
  '10.1': '1 2',
  '10.2': '1 2',
  '10.3': '1 2 3 4',
  '10.4': '1 2 3 4 5 6 7 8 9 10 11',
  '10.5': '1 2 3 4 5',
  '10.6': '1 2',
  '10.7': '1 2 3',
  '11.1': '1 2',
  '11.2': '1 2 3',
  '11.3': '1 2 3',
  '11.4': '1 2 3 4',
  '11.5': '1',
  '11.6': '1',
  '12.1': '1 2 3',
  '12.2': '1 2',
  '12.3': '1 2 3 4',
  '13.1': '1',
  '13.2': '1 2 3 4 5',
  '13.3': '1 2',
  '13.4': '1 2 3 4 5',
  '14.1': '1 2',
  '14.2': '1 2 3 4',
  '14.3': '1 2 3',
  '15.1': '1 2 3',
  '15.2': '1 2 3',
  '15.3': '1 2 3 4 5 6 7',
  '16.1': '1',
  '16.2': '1 2 3 4 5',
  '16.3': '1 2 3 4',
  '16.4': '1 2 3',
  '16.5': '1 2 3',
  '17.1': '1',
  '17.2': '1 2 3 4',
  '17.3': '1 2',
};

/** The cells of each row of a page's tables, without the headings. */
function rowsOf(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const isHeading = ([first]: string[]) => ['requirement', 'specification', 'risk'].includes(first ?? '');

test('every requirement of ASVS levels 1 and 2 is on the page once', () => {
  const all = Object.entries(REQUIREMENTS).flatMap(([section, numbers]) =>
    numbers.split(' ').map((number) => `${section}.${number}`),
  );
  expect(all).toHaveLength(253);
  const listed = rowsOf(asvs)
    .filter((row) => !isHeading(row))
    .flatMap(([ids = '']) => ids.split(', '));
  expect(listed.toSorted()).toEqual(all.toSorted());
});

test('every safeguard of 164.312 and every risk of the API Top 10 is on the page', () => {
  const names = rowsOf(before).map(([name = '']) => name.split(' ', 1)[0]);
  for (const name of [
    '(a)(1)',
    '(a)(2)(i)',
    '(a)(2)(ii)',
    '(a)(2)(iii)',
    '(a)(2)(iv)',
    '(b)',
    '(c)(1)',
    '(c)(2)',
    '(d)',
    '(e)(1)',
    '(e)(2)(i)',
    '(e)(2)(ii)',
  ]) {
    expect(names, name).toContain(name);
  }
  for (let n = 1; n <= 10; n += 1) expect(names).toContain(`API${n}`);
});

test('a line that is held names a test, and each test exists', () => {
  const rows = rowsOf(page).filter((row) => !isHeading(row));
  for (const [name = '', verdict = '', how = '', tests = ''] of rows) {
    expect(['held', 'operator', 'not held', 'n/a'], name).toContain(verdict);
    expect(how, name).not.toBe('');
    const named = [...tests.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
    if (verdict === 'held') expect(named.length, name).toBeGreaterThan(0);
    for (const path of named) expect(existsSync(join(root, path)), `${name}: ${path}`).toBe(true);
  }
});

const service = globSync(
  '{apps/{api,worker,cli},packages/{contracts,db,emr,operations,outbound,runtime,webhooks}}/src/**/*.ts',
  {
    cwd: root,
    exclude: (path) => /(^|\/)(generated|testing|conformance)(\/|$)|\.(test|fixture)\.ts$/.test(String(path)),
  },
);

test('the service evaluates no text, builds no pattern from one, starts no program and loads no native code', () => {
  expect(service.length).toBeGreaterThan(200);
  const FORBIDDEN =
    /(?<!redis\.|client\.)\beval\(|new Function\(|node:(child_process|vm|worker_threads)|\.node['"]|process\.dlopen/;
  const having = (pattern: RegExp) =>
    service.filter((file) => pattern.test(readFileSync(join(root, file), 'utf8')));
  expect(having(FORBIDDEN)).toEqual([]);
  // Each of a constant: a pattern of the contracts, or of characters.
  expect(having(/new RegExp\(/).toSorted()).toEqual([
    'apps/api/src/payments/read-payments.ts',
    'apps/cli/src/arguments.ts',
    'packages/contracts/src/normal-name.ts',
    'packages/db/src/migrations/concurrent-index.ts',
    'packages/db/src/notices/hasten-look-ups.ts',
    'packages/emr/src/dialects/open-dental/list-patients.ts',
    'packages/emr/src/fhir/entry-id.ts',
    'packages/operations/src/patients/line.ts',
    'packages/operations/src/payments/compare-file.ts',
  ]);
});

test('the image copies what it needs by name: no source control, no tests, no local data', () => {
  const copied = [
    ...readFileSync(join(root, 'Dockerfile'), 'utf8').matchAll(/^COPY (?!--from)(.*) \S+$/gm),
  ].flatMap(([, sources = '']) => sources.split(' '));
  expect(copied.length).toBeGreaterThan(10);
  const FOLDERS = ['apps', 'packages', 'prisma'];
  const isManifest = (source: string) =>
    /^([\w-]+\/)*(package\.json|pnpm-[\w.]+\.yaml|prisma\.config\.ts|schema\.prisma)$/.test(source);
  // The documents that the API serves.
  const others = copied.filter((source) => !FOLDERS.includes(source) && !isManifest(source));
  expect(others).toEqual(['docs/openapi.json', 'docs/operator-openapi.json']);
});
