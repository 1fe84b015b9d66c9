import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
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
    expect(refused).toMatchObject({ limit: 'at most 1 things of one owner at a time' });
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

  test('an owner rests as long as it has worked, and others do not wait for that', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { run, begun, end } = held({ places: 1, rest: 1 });
      const works = [run(1, 'a1'), run(1, 'a2'), run(2, 'b1')];
      await turn();
      vi.advanceTimersByTime(60);
      await end('a1');
      await end('b1');
      expect(begun).toEqual(['a1', 'b1']);
      vi.advanceTimersByTime(59);
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
