import { expect, test } from 'vitest';
import { matchesText, readTextPattern } from './text-pattern.ts';

test.each([
  ['duplicate', 'A Duplicate payment.', true],
  ['duplicate', 'A double payment.', false],
  ['duplicate*external ref', 'Duplicate  external\nref id', true],
  ['duplicate*external ref', 'The external ref is a duplicate.', false],
  ['one|two*three', 'two and three', true],
  ['one|two*three', 'three and two', false],
  ['aa*aa', 'aaa', false],
  ['.*', 'abc', false],
  ['.*', 'a.b', true],
  ['(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', false],
])('%j in %j: %s', (pattern, text, matches) => {
  expect(matchesText(readTextPattern('x', pattern), text)).toBe(matches);
});

test.each(['', '|', 'a|', '*', 'a| * '])('%j would match everything', (pattern) => {
  expect(() => readTextPattern('duplicate_pattern', pattern)).toThrow('settings: duplicate_pattern has');
});
