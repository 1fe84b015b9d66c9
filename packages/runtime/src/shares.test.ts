import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createShares, ShareExceededError, type SharesOptions } from './shares.ts';
import { LateError } from './within.ts';

/** Shares whose work ends when the test says so. */
function held(options: Partial<SharesOptions> = {}) {
  const shares = createShares({
    places: 3,
    perOwner: 1,
    waitingPerOwner: 2,
    waitMs: 60_000,
    work: 'things of one owner',
    ...options,
  });
  const begun: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<string>>();
  const run = (owner: number, name: string): Promise<string> => {
    const end = Promise.withResolvers<string>();
    ends.set(name, end);
    return shares.run(owner, () => {
      begun.push(name);
      return end.promise;
    });
  };
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.resolve(name);
    await turn();
  };
  const fail = async (name: string): Promise<void> => {
    ends.get(name)?.reject(new Error(name));
    await turn();
  };
  return { run, begun, end, fail };
}

describe('shares', () => {
  test('an owner has its share and no more, and what it has waiting keeps nobody else waiting', async () => {
    const { run, begun, end } = held();
    const works = [run(1, 'a1'), run(1, 'a2'), run(1, 'a3'), run(2, 'b1'), run(3, 'c1')];
    await turn();
    expect(begun).toEqual(['a1', 'b1', 'c1']);
    await end('b1');
    expect(begun).toHaveLength(3);
    await end('a1');
    expect(begun.at(-1)).toBe('a2');
    for (const name of ['a2', 'a3', 'c1']) await end(name);
    expect(await Promise.all(works)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1']);
  });

  test('what does not fit into the waiting of its owner is refused at once, by the name of the limit', async () => {
    const { run, begun, end } = held();
    const works = [run(1, 'a1'), run(1, 'a2'), run(1, 'a3')];
    const refused = await run(1, 'a4').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ShareExceededError);
    expect(refused).toMatchObject({ limit: 'at most one of the things of one owner at a time' });
    for (const name of ['a1', 'a2', 'a3']) await end(name);
    await Promise.all(works);
    expect(begun).not.toContain('a4');
    const again = run(1, 'a5');
    await end('a5');
    expect(await again).toBe('a5');
  });

  test('owners that wait take turns, however much each has waiting', async () => {
    const { run, begun, end } = held({ places: 1, waitingPerOwner: 9 });
    const works = [run(1, 'a1'), run(1, 'a2'), run(1, 'a3'), run(2, 'b1'), run(2, 'b2'), run(3, 'c1')];
    for (const name of ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']) await end(name);
    await Promise.all(works);
    expect(begun).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  });

  test('work that fails gives its place back', async () => {
    const { run, fail, end } = held();
    const failing = run(1, 'a1').catch((error: Error) => error.message);
    const next = run(1, 'a2');
    await fail('a1');
    expect(await failing).toBe('a1');
    await end('a2');
    expect(await next).toBe('a2');
  });

  describe('with a budget', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
    afterEach(() => void vi.useRealTimers());
    const budget = { share: 0.25, burstMs: 100, leastMs: 4, longestRestMs: 400 };

    /** Does works of one owner one after the other, for as long as `forMs`. @returns how many were begun. */
    async function worksIn(
      forMs: number,
      { tookMs, owner = 1 }: { tookMs: number; owner?: number },
      shares = open(),
    ) {
      let begun = 0;
      const until = performance.now() + forMs;
      const one = async () => {
        begun += 1;
        await pauseOf(tookMs);
      };
      void (async () => {
        while (performance.now() < until) await shares.run(owner, one);
      })();
      await vi.advanceTimersByTimeAsync(forMs);
      return begun;
    }
    const open = () =>
      createShares({ places: 1, perOwner: 1, waitingPerOwner: 2, waitMs: 60_000, budget, work: 'things' });
    const pauseOf = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));

    test('an owner that works on and on gets its share of the time after the burst', async () => {
      // 100 ms at once and a quarter of 2 s, of which each takes 20.
      expect(await worksIn(2_000, { tookMs: 20 })).toBe(30);
    });

    test('work that takes less counts as much as the least', async () => {
      expect(await worksIn(2_000, { tookMs: 1 })).toBe(150);
    });

    test('an owner that works a little never rests', async () => {
      const shares = open();
      for (let n = 0; n < 5; n += 1) {
        expect(await worksIn(80, { tookMs: 20 }, shares)).toBe(4);
        await vi.advanceTimersByTimeAsync(1_000);
      }
    });

    test('no rest is longer than the longest', async () => {
      // 500 ms, and 400 of rest, where a quarter of the time would be 1,500.
      expect(await worksIn(1_799, { tookMs: 500 })).toBe(2);
      expect(await worksIn(1_800, { tookMs: 500 })).toBe(3);
    });

    test('others have the place of an owner that rests, and a budget of their own', async () => {
      const { run, begun, end } = held({ places: 1, budget });
      const works = [run(1, 'a1'), run(1, 'a2'), run(2, 'b1'), run(2, 'b2')];
      await turn();
      vi.advanceTimersByTime(150);
      await end('a1');
      await end('b1');
      await end('b2');
      expect(begun).toEqual(['a1', 'b1', 'b2']);
      vi.advanceTimersByTime(199);
      await turn();
      expect(begun).toHaveLength(3);
      vi.advanceTimersByTime(1);
      await end('a2');
      expect(begun.at(-1)).toBe('a2');
      await Promise.all(works);
    });
  });

  test('short work of one owner is spread over time, and others do not wait for that', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { run, begun, end } = held({ places: 1, restAtLeastMs: 250 });
      const works = [run(1, 'a1'), run(1, 'a2'), run(2, 'b1')];
      await turn();
      await end('a1');
      await end('b1');
      vi.advanceTimersByTime(249);
      await turn();
      expect(begun).toEqual(['a1', 'b1']);
      vi.advanceTimersByTime(1);
      await end('a2');
      expect(begun).toEqual(['a1', 'b1', 'a2']);
      await Promise.all(works);
    } finally {
      vi.useRealTimers();
    }
  });

  test('work that has waited too long is not begun later', async () => {
    const { run, begun, end } = held({ places: 2, waitMs: 20 });
    const works = [run(1, 'a1'), run(2, 'b1')];
    await expect(run(1, 'a2')).rejects.toBeInstanceOf(ShareExceededError);
    // The third owner has nothing under way: the others have all places.
    await expect(run(3, 'c1')).rejects.toBeInstanceOf(LateError);
    for (const name of ['a1', 'b1']) await end(name);
    await Promise.all(works);
    expect(begun).toEqual(['a1', 'b1']);
  });
});
