import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createBatcher } from './batcher.ts';

/** A batcher of numbers whose batches end when the test says so. */
function held(
  options: { maxBatch?: number; enough?: number; maxInFlight?: number; maxWaiting?: number } = {},
) {
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  const run = (batch: number[]): Promise<void> => {
    batches.push(batch);
    return new Promise((resolve) => {
      ends.push(resolve);
    });
  };
  const batcher = createBatcher<number>({ run }, { maxBatch: 3, maxInFlight: 1, ...options });
  const add = (...items: number[]): boolean[] => items.map((item) => batcher.add(item));
  const end = async (batch: number): Promise<void> => {
    ends[batch]?.();
    await turn();
  };
  return { add, batches, end };
}

describe('a batcher', () => {
  test('runs nothing before the end of the turn, and then all that was added in it', async () => {
    const { add, batches } = held();
    add(1, 2);
    expect(batches).toEqual([]);
    add(3);
    await turn();
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test('gathers what is added while a batch is under way, in its order', async () => {
    const { add, batches, end } = held();
    add(1);
    await turn();
    add(2);
    await turn();
    add(3);
    await turn();
    expect(batches).toEqual([[1]]);
    await end(0);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  test('never makes a batch larger, or more of them at once, than it may', async () => {
    const { add, batches, end } = held({ maxBatch: 2, maxInFlight: 2 });
    add(1, 2, 3, 4, 5, 6, 7);
    await turn();
    expect(batches).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await end(1);
    expect(batches).toHaveLength(3);
    await end(0);
    expect(batches).toEqual([[1, 2], [3, 4], [5, 6], [7]]);
  });

  test('lets enough of them leave at once, and what comes after them at the end of the turn', async () => {
    const { add, batches, end } = held({ maxBatch: 10, enough: 2, maxInFlight: 2 });
    add(1);
    expect(batches).toEqual([]);
    add(2, 3);
    expect(batches).toEqual([[1, 2]]);
    await turn();
    expect(batches).toEqual([[1, 2], [3]]);
    add(4, 5, 6);
    expect(batches).toHaveLength(2);
    await end(0);
    expect(batches).toEqual([[1, 2], [3], [4, 5, 6]]);
  });

  test('takes no more than may wait, and takes again once a batch has left', async () => {
    const { add, batches, end } = held({ maxBatch: 2, maxWaiting: 2 });
    expect(add(1, 2, 3)).toEqual([true, true, false]);
    await turn();
    expect(add(4, 5, 6)).toEqual([true, true, false]);
    await end(0);
    expect(batches).toEqual([
      [1, 2],
      [4, 5],
    ]);
  });

  test('works again after it was idle', async () => {
    const { add, batches, end } = held();
    add(1);
    await turn();
    await end(0);
    add(2);
    await turn();
    expect(batches).toEqual([[1], [2]]);
  });
});
