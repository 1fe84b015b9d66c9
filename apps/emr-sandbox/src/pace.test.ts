import { expect, test } from 'vitest';
import { createCallLimit, type Pace } from './pace.ts';

test('each caller has the calls of every window, and a refused call is not counted', () => {
  const pace: Pace = { current: { limits: 'vendor', later_ms: 0 } };
  let clock = 0;
  const limit = createCallLimit({ pace, now: () => clock }, [
    { calls: 2, perMs: 1000 },
    { calls: 3, perMs: 10_000 },
  ]);
  expect([limit.take('a'), limit.take('a'), limit.take('a'), limit.take('b')]).toEqual([0, 0, 1000, 0]);
  clock = 1000;
  expect([limit.take('a'), limit.take('a')]).toEqual([0, 9000]);
  pace.current.limits = 'raised';
  expect(limit.take('a')).toBe(0);
});
