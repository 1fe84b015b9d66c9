import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * What tests expect to be absent: the text of `not.toContain('…')`, and each alternative of `not.toMatch(/…|…/)`. A short one
 * can be in a random id, a time, a port or a sealed value, and such a test fails once in some hundred or thousand runs.
 */
const ABSENT =
  /\bnot\s*\.(?:toContain|stringContaining)\(\s*'(?<text>[^'\n]+)'|\bnot\s*\.(?:toMatch|stringMatching)\(\s*\/(?<pattern>(?:[^/\\\n]|\\.)+)\//g;

/** At most five letters and digits (base62), four with "-" (base64url), or eleven digits (hex or decimal). */
const BY_CHANCE = /^(?:\w{1,5}|[\w-]{1,4}|[\da-f]{1,11})$/i;

/** Tests whose data has nothing random: whole names in a list, and sentences of ours. */
const NOTHING_RANDOM = [
  'apps/api/src/app-log.test.ts cs_',
  'packages/db/src/measures/plans.test.ts jobs',
  'packages/db/src/tenants/store-found-patient.test.ts MRN',
  'packages/db/src/tenants/store-found-patient.test.ts p1',
  'packages/db/src/tenants/store-found-patient.test.ts p9',
  'packages/emr/src/dialects/athena/find-patient.test.ts 1976',
  'packages/emr/src/dialects/athena/find-patient.test.ts 77',
  'packages/emr/src/dialects/athena/find-patient.test.ts 8956',
  'packages/emr/src/dialects/athena/find-patient.test.ts Jane',
  'packages/emr/src/dialects/athena/find-patient.test.ts Smith',
  'packages/emr/src/dialects/candid/settings.test.ts 4711',
  'packages/emr/src/dialects/drchrono/settings.test.ts DRCP',
  'packages/emr/src/fhir/said.test.ts ses',
  'packages/operations/src/doctor/diagnose.test.ts keys',
  'packages/runtime/src/shares.test.ts a4',
];

const root = join(import.meta.dirname, '..');

/** A pattern with groups is taken as a whole: what is around a group is part of what it finds. */
const alternativesOf = (pattern: string): string[] => {
  const plain = pattern.replaceAll(/\[\d+\]|\\d/g, '0');
  return plain.includes('(') ? [plain] : plain.split('|');
};

function shortTextsIn(source: string): string[] {
  return [...source.matchAll(ABSENT)]
    .flatMap(({ groups }) =>
      groups?.text === undefined ? alternativesOf(groups?.pattern ?? '') : [groups.text],
    )
    .filter((each) => BY_CHANCE.test(each));
}

test('no test fails by chance because a short text must be absent', () => {
  const files = globSync('{apps,packages,tests,bench,scripts}/**/*.ts', {
    cwd: root,
    exclude: ['**/node_modules/**', '**/generated/**', 'scripts/absent-texts.test.ts'],
  });
  const found = files.flatMap((file) =>
    shortTextsIn(readFileSync(join(root, file), 'utf8')).map((text) => `${file} ${text}`),
  );
  expect([...new Set(found)].toSorted()).toEqual(NOTHING_RANDOM);
});

test.each([
  ["not.toContain('1404')", ['1404']],
  ["expect.not.stringContaining('ftp')", ['ftp']],
  ['not.toMatch(/JANE|99[89]|secret/)', ['JANE', '990']],
  ["not.toContain('4ee6b000')", ['4ee6b000']],
  ["not.toContain('MRN-1')", []],
  ["toContain('1404')", []],
])('in %s these are short: %j', (source, texts) => {
  expect(shortTextsIn(source)).toEqual(texts);
});
