import { expect, test } from 'vitest';
import { hasRoomForLookUps, paceOf } from './pace.ts';

test.each([
  ['Open Dental, a key', { calls: 1, perMs: 1_000 }, { burst: 1, intervalUs: 1_100_000 }],
  ['DrChrono, seconds', { calls: 10, perMs: 1_000 }, { burst: 1, intervalUs: 110_000 }],
  ['DrChrono, hours', { calls: 500, perMs: 3_600_000 }, { burst: 50, intervalUs: 8_780_488 }],
  ['NexHealth', { calls: 2_000, perMs: 60_000 }, { burst: 200, intervalUs: 36_647 }],
  ['a small limit of a long time', { calls: 6, perMs: 60_000 }, { burst: 4, intervalUs: 22_000_000 }],
  ['one call in a long time', { calls: 1, perMs: 60_000 }, { burst: 1, intervalUs: 66_000_000 }],
])('%s', (_name, window, pace) => {
  expect(paceOf(window)).toEqual(pace);
});

test('no pace lets more calls than the limit leave in a window and a tenth', () => {
  const wrong: object[] = [];
  for (let calls = 1; calls <= 3_000; calls += 1)
    for (const perMs of [100, 1_000, 9_999, 10_000, 60_000, 3_600_000, 86_400_000]) {
      const { burst, intervalUs } = paceOf({ calls, perMs });
      const most = burst + Math.ceil((perMs * 1_100) / intervalUs) - 1;
      if (most > calls || burst < 1) wrong.push({ calls, perMs, burst, intervalUs });
    }
  expect(wrong).toEqual([]);
});

test.each([
  [2, 60_000, false],
  [3, 60_000, true],
  [40, 3_600_000, false],
  [41, 3_600_000, true],
])('%i calls in %i ms: room for look-ups is %s', (calls, perMs, has) => {
  expect(hasRoomForLookUps([{ calls, perMs }])).toBe(has);
  expect(
    hasRoomForLookUps([
      { calls: 9, perMs: 1000 },
      { calls, perMs },
    ]),
  ).toBe(has);
});
