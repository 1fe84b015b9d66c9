import { expect, test } from 'vitest';
import { injectFaults } from './inject-faults.ts';

test('every fault is struck once before any is struck again, and what had no time is counted as never struck', async () => {
  const struck: string[] = [];
  const fault = (name: string, takesMs: number) => ({
    name,
    takesMs,
    strike: async () => {
      struck.push(name);
    },
  });
  const faults = [fault('one', 0), fault('two', 0), fault('long', 1_000_000)];
  const result = await injectFaults({
    faults,
    durationMs: 5_000,
    untilFlows: async () => undefined,
    say: () => undefined,
  });
  expect(struck).toEqual(['one', 'two']);
  expect([...result.counts]).toEqual([
    ['one', 1],
    ['two', 1],
    ['long', 0],
  ]);
});
