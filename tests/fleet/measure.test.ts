import { expect, test } from 'vitest';
import type { Records } from '../crash/records.ts';
import { longestPause, measureEffects } from './measure.ts';

test('the longest pause is cut at both ends of the window', () => {
  const window = { from: 100, to: 200 };
  expect(longestPause([50, 110, 170, 190, 300], window)).toBe(60);
  expect(longestPause([90, 195], window)).toBe(95);
  expect(longestPause([110, 120, 300], window)).toBe(80);
  expect(longestPause([], window)).toBe(100);
});
