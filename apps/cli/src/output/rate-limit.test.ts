import { expect, test } from 'vitest';
import { limitShown, limitText } from './rate-limit.ts';

const now = new Date('2026-06-15T12:00:00Z');
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
const bucket = {
  key: 'application',
  calls: [10, 500],
  perMs: [1000, 3_600_000],
  nextSlots: [at(-5), at(-1)],
  pausedUntil: null,
};

test.each([
  ['a free call', {}, null, null, 'a call is free'],
  [
    'a limit that is used up',
    { nextSlots: [at(-5), at(8)] },
    at(8),
    null,
    'next call at 2026-06-15T12:00:08.000Z',
  ],
  [
    'a pause',
    { pausedUntil: at(60) },
    at(60),
    at(60),
    'the EMR asked to wait until 2026-06-15T12:01:00.000Z',
  ],
  ['a pause that is over', { pausedUntil: at(-60) }, null, null, 'a call is free'],
])('shows %s', (_name, change, next, paused, text) => {
  const shown = limitShown({ ...bucket, ...change }, now);
  expect(shown).toEqual({
    key: 'application',
    windows: [
      { calls: 10, per_ms: 1000 },
      { calls: 500, per_ms: 3_600_000 },
    ],
    next_call_at: next,
    paused_until: paused,
  });
  expect(limitText(shown)).toBe(`10 calls in 1 s, 500 calls in 3600 s; ${text}`);
});

test('a connection without a limit shows none', () => {
  expect(limitShown(null)).toBeNull();
  expect(limitText(null)).toBeNull();
});
