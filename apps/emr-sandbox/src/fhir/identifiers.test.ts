import { expect, test } from 'vitest';
import { matchesToken } from './identifiers.ts';

const identifiers = [{ system: 's', value: 'a' }, { value: 'bare' }];

test.each([
  ['s|a', true],
  ['a', true],
  ['|a', false],
  ['other|a', false],
  ['|bare', true],
  ['x|b|a', false],
])('the token %j matches: %s', (token, matches) => {
  expect(matchesToken(identifiers, token)).toBe(matches);
});
