import { expect, test } from 'vitest';
import { parseRetryAfter } from './retry-after.ts';

const now = Date.parse('2026-06-15T10:00:00Z');

test.each([
  ['0', 0],
  ['7', 7000],
  [' 120 ', 120_000],
  ['999999999999', 86_400_000],
  ['Mon, 15 Jun 2026 10:00:30 GMT', 30_000],
  ['Mon, 15 Jun 2026 09:00:00 GMT', 0],
  ['Mon, 15 Jun 2037 10:00:30 GMT', 86_400_000],
  ['-5', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['7 apples', undefined],
  ['Monday or so', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is %j ms', (value, expected) => {
  expect(parseRetryAfter(value, now)).toBe(expected);
});
