import { expect, test } from 'vitest';
import { LONGEST_RETRY_AFTER_MS, retryDelay } from './retry-delay.ts';

const delays = (random: number) =>
  [1, 2, 3, 10].map((attempt) => retryDelay({ attempt, retryAfterMs: undefined, random }));

test('grows with each attempt to a bound, half of it by chance', () => {
  expect(delays(0)).toEqual([125, 250, 500, 4000]);
  expect(delays(1)).toEqual([250, 500, 1000, 8000]);
});

test('never comes back sooner than Retry-After, and spreads those who were told the same', () => {
  expect(retryDelay({ attempt: 1, retryAfterMs: 2000, random: 0 })).toBe(2125);
  expect(retryDelay({ attempt: 1, retryAfterMs: 2000, random: 1 })).toBe(2250);
});

test('leaves a long Retry-After to the caller', () => {
  const asked = (retryAfterMs: number) => retryDelay({ attempt: 1, retryAfterMs, random: 0 });
  expect(asked(LONGEST_RETRY_AFTER_MS)).not.toBeNull();
  expect(asked(LONGEST_RETRY_AFTER_MS + 1)).toBeNull();
});
