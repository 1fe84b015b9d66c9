import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * The files that may make a sentence or a code of ours with a cast. The type `OurSentence` refuses words of an EMR everywhere
 * else, so these few are all that has to be read to know what can be in a reason.
 */
const MAKERS = [
  'packages/contracts/src/our-sentence.ts',
  'packages/emr/src/conformance/wrong/sending.ts',
  'packages/emr/src/conformance/wrong/words.ts',
  'packages/emr/src/names/names-in-sentences.ts',
];

/** Functions that let names and ids into a sentence, and the files that may call them. */
const LETTING_IN: Readonly<Record<string, readonly string[]>> = {
  nameShown: ['packages/emr/src/names/match-names.ts', 'packages/emr/src/names/names-in-sentences.ts'],
  namesListed: ['packages/emr/src/names/match-names.ts', 'packages/emr/src/names/names-in-sentences.ts'],
  idShown: [
    'apps/worker/src/jobs/post-payment.ts',
    'packages/contracts/src/our-sentence.ts',
    'packages/emr/src/fhir/definitions.ts',
  ],
};

const ROOT = join(import.meta.dirname, '..');

const SOURCES = globSync('{apps,packages}/**/*.ts', {
  cwd: ROOT,
  exclude: ['**/node_modules/**', '**/generated/**', '**/*.test.ts'],
}).map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

const containing = (pattern: RegExp): string[] =>
  SOURCES.filter(({ text }) => pattern.test(text))
    .map(({ path }) => path)
    .sort();

test('only these files cast a text to a sentence or a code of ours', () => {
  expect(containing(/\bas (?:unknown as )?(?:OurSentence|TroubleCode)\b|<OurSentence>/)).toEqual(MAKERS);
});

test.each(Object.entries(LETTING_IN))('only these files call %s', (name, callers) => {
  expect(containing(new RegExp(`\\b${name}\\(`))).toEqual([...callers]);
});
