import { expect, test } from 'vitest';
import { LONGEST_RETRY_AFTER_MS, retryDelay } from './retry-delay.ts';

const delays = (random: number) =>
  [1, 2, 3, 10].map((attempt) => retryDelay({ attempt, retryAfterMs: undefined, random }));

test('the delay doubles with each attempt up to a limit, and half of it is random', () => {
  expect(delays(0)).toEqual([125, 250, 500, 4000]);
  expect(delays(1)).toEqual([250, 500, 1000, 8000]);
});

test('the delay is never shorter than Retry-After, and spreads clients that got the same value', () => {
  expect(retryDelay({ attempt: 1, retryAfterMs: 2000, random: 0 })).toBe(2125);
  expect(retryDelay({ attempt: 1, retryAfterMs: 2000, random: 1 })).toBe(2250);
});

test('there is no delay for a long Retry-After: the caller gets the error', () => {
  const delay = (retryAfterMs: number) => retryDelay({ attempt: 1, retryAfterMs, random: 0 });
  expect(delay(LONGEST_RETRY_AFTER_MS)).not.toBeNull();
  expect(delay(LONGEST_RETRY_AFTER_MS + 1)).toBeNull();
});
