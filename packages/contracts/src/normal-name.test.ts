import { expect, test } from 'vitest';
import { normalMrn, normalName } from './normal-name.ts';

/** Every character, except halves of surrogate pairs. */
const ALL = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code));

test.each([
  ['Card', 'card'],
  ['  cARD ', 'card'],
  ['Patient\u00a0\u2003 Portal\u2028', 'patient portal'],
  ['\ufeffC\u200ba\u00adrd\u200e', 'card'],
  ['\u202eCard\u202c', 'card'],
  // Combining marks, also those that an invisible character had kept apart.
  ['Cre\u0301dit', 'crédit'],
  ['Cre\u200b\u0301dit', 'crédit'],
  ['ΟΔΟΣ', 'οδοσ'],
  ['οδος', 'οδοσ'],
  ['\u0130', 'i\u0307'],
  // Not the same names.
  ['Plan ①', 'plan ①'],
  ['Ｃａｒｄ', 'ｃａｒｄ'],
])('the name %j is %j', (name, normal) => {
  expect(normalName(name)).toBe(normal);
});

test('a normal name is normal', () => {
  const changed = ALL.filter((each) => {
    const once = normalName(`a${each}b`);
    return normalName(once) !== once;
  });
  expect(changed).toEqual([]);
});

test('every white space separates words and is removed at the ends', () => {
  const blanks = ALL.filter((each) => normalName(`a${each}b`) === 'a b');
  expect(blanks).toHaveLength(25);
  for (const blank of blanks) {
    expect(normalName(`${blank}a${blank} b${blank}`)).toBe('a b');
    expect(normalMrn(`${blank}a${blank}b${blank}`)).toBe(`a${blank}b`);
  }
});

test('only the ends of an MRN are trimmed', () => {
  expect(normalMrn('\u00a0\ufeff 00 12\u00a034a \u200b\t')).toBe('00 12\u00a034a');
  expect(normalMrn('MRN-12345')).toBe('MRN-12345');
  expect(normalMrn('mrn\u200b1')).toBe('mrn\u200b1');
  expect(normalMrn(' \u200b ')).toBe('');
});

test('an MRN of many blanks is trimmed in linear time', () => {
  // Processor time: on a busy machine, a second passes while nothing of this runs.
  const before = process.cpuUsage();
  normalMrn(`a${' '.repeat(100_000)}b\u00e9`);
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(1000);
});
