import { expect, test } from 'vitest';
import { createShares } from './shares.ts';

const fill = () => {
  const shares = createShares({ perClient: 2, total: 3 });
  const ends: PromiseWithResolvers<string>[] = [];
  const run = (clientPk: number) =>
    shares.run(clientPk, () => {
      const end = Promise.withResolvers<string>();
      ends.push(end);
      return end.promise;
    });
  return { run, ends };
};

test('a client gets its share, and the others get the rest', async () => {
  const { run, ends } = fill();
  const first = run(1);
  expect([run(1), run(1)].map((one) => one === null)).toEqual([false, true]);
  expect(run(2)).not.toBeNull();
  // The whole is used up.
  expect(run(3)).toBeNull();
  expect(ends).toHaveLength(3);
  ends[0]?.resolve('done');
  expect(await first).toBe('done');
  expect(run(3)).not.toBeNull();
});

test('work that fails gives its place back', async () => {
  const { run, ends } = fill();
  const works = [run(1), run(1)];
  ends[0]?.reject(new Error('broken'));
  await expect(works[0]).rejects.toThrow('broken');
  expect(run(1)).not.toBeNull();
  expect(run(1)).toBeNull();
});
