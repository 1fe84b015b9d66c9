import { describe, expect, test } from 'vitest';
import { delayBeforeAttempt, MAX_ATTEMPTS } from './schedule.ts';

const S = 1000;
const H = 3_600_000;
const none = { random: () => 0 };
const most = { random: () => 1 - Number.EPSILON };

describe('the schedule', () => {
  const published = [0, 5 * S, 300 * S, 0.5 * H, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H];

  test('is the published one', () => {
    const delays = published.map((_, index) => delayBeforeAttempt(none, { attempt: index + 1 }));
    expect(delays).toEqual(published);
    expect(MAX_ATTEMPTS).toBe(10);
  });

  test('jitter makes it later by at most a fifth, never earlier', () => {
    for (const [index, delay] of published.entries()) {
      expect(delayBeforeAttempt(most, { attempt: index + 1 })).toBeCloseTo(delay * 1.2, 0);
    }
  });

  test('jitter is random by default', () => {
    const delays = new Set(Array.from({ length: 20 }, () => delayBeforeAttempt({}, { attempt: 10 })));
    expect(delays.size).toBeGreaterThan(1);
  });

  test('ends after ten attempts, whatever the receiver asks for', () => {
    expect(delayBeforeAttempt(none, { attempt: 11 })).toBeNull();
    expect(delayBeforeAttempt(none, { attempt: 11, retryAfterMs: 5 })).toBeNull();
  });

  test('Retry-After makes the delay longer, never shorter', () => {
    expect(delayBeforeAttempt(none, { attempt: 2, retryAfterMs: 60 * S })).toBe(60 * S);
    expect(delayBeforeAttempt(most, { attempt: 2, retryAfterMs: 60 * S })).toBeGreaterThanOrEqual(60 * S);
    expect(delayBeforeAttempt(none, { attempt: 5, retryAfterMs: 60 * S })).toBe(2 * H);
  });

  test('Retry-After counts for a day at most', () => {
    expect(delayBeforeAttempt(none, { attempt: 2, retryAfterMs: 365 * 24 * H })).toBe(24 * H);
  });

  test.each([0, -1, 1.5, Number.NaN])('attempt %s is an error of the caller', (attempt) => {
    expect(() => delayBeforeAttempt(none, { attempt })).toThrow(RangeError);
  });
});
