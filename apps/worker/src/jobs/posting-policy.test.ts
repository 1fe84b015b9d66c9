import { expect, test } from 'vitest';
import { farEndOf, lookUpDelay, POSTING_POLICY, postingDelay } from './posting-policy.ts';

const longest = (tries: number, retryAfterMs?: number) =>
  Math.max(...Array.from({ length: 500 }, () => postingDelay({ tries, retryAfterMs })));

test('the bound of the delay doubles with every try, up to ten minutes, and the whole of it is jitter', () => {
  for (const tries of [0, 1, 2, 3, 6, 9, 30]) {
    const bound = Math.min(POSTING_POLICY.longestDelayMs, 1_000 * 2 ** tries);
    expect(longest(tries)).toBeLessThanOrEqual(bound);
    expect(longest(tries)).toBeGreaterThan(bound * 0.9);
  }
  expect(Math.min(...Array.from({ length: 500 }, () => postingDelay({ tries: 9 })))).toBeLessThan(30_000);
});

test('a payment is never retried before its Retry-After, which counts for a day at most', () => {
  for (let n = 0; n < 100; n += 1)
    expect(postingDelay({ tries: 0, retryAfterMs: 30_000 })).toBeGreaterThanOrEqual(30_000);
  expect(longest(0, 10 * 24 * 3_600_000)).toBeLessThanOrEqual(24 * 3_600_000 + 1_000);
});

test('a rate limit pauses the connection; any other call without an answer counts as its failure', () => {
  expect(farEndOf({ code: 'rate_limited' })).toBe('throttling');
  expect(farEndOf({ code: 'connection_refused' })).toBe('failing');
  // The EMR answered the look-up, so it works.
  for (const code of ['settling', 'accepted', 'not_there_yet']) expect(farEndOf({ code })).toBe('answering');
  // A fault of ours says nothing about the EMR.
  expect(farEndOf({ code: 'our_fault' })).toBe('none');
});

test('a submitted payment is looked up ever less often, and once at its limit', () => {
  const day = 24 * 3_600_000;
  const looks: number[] = [];
  for (let at = 0; at < day; ) {
    at += lookUpDelay({ acceptedMs: at, confirmWithinMs: day });
    looks.push(at);
  }
  expect(looks[0]).toBeGreaterThanOrEqual(2_000);
  expect(looks[1]).toBeLessThan(10_000);
  expect(looks.at(-1)).toBe(day);
  expect(looks.length).toBeLessThan(130);
  expect(lookUpDelay({ acceptedMs: 0, confirmWithinMs: day, retryAfterMs: 30_000 })).toBe(30_000);
});
