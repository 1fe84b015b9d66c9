import { expect, test } from 'vitest';
import { createListCache } from './list-cache.ts';

type List = { names: string[] };

/** A cache with a clock that the test turns, over a far end whose list the test changes. */
function setUp() {
  const far = { now: 1000, calls: 0, answer: { names: ['Card'] } as List | { code: string; detail: string } };
  const cache = createListCache<List>({ now: () => far.now });
  const ask = (name: string, key = 'one') =>
    cache.get({
      key,
      fetch: async () => {
        far.calls += 1;
        return far.answer;
      },
      has: (list) => list.names.includes(name),
    });
  return { far, ask };
}

test('many who ask at once share one fetch, and a minute of answers', async () => {
  const { far, ask } = setUp();
  await Promise.all(Array.from({ length: 50 }, () => ask('Card')));
  far.now += 59_000;
  await ask('Card');
  expect(far.calls).toBe(1);
  far.now += 2000;
  await ask('Card');
  expect(far.calls).toBe(2);
});

test('connections do not share a list', async () => {
  const { far, ask } = setUp();
  await ask('Card', 'one');
  await ask('Card', 'two');
  expect(far.calls).toBe(2);
});

test('a name that was added a moment ago is found, and many who miss it share one fetch', async () => {
  const { far, ask } = setUp();
  await ask('Card');
  far.answer = { names: ['Card', 'Voucher'] };
  far.now += 2500;
  const lists = await Promise.all(Array.from({ length: 20 }, () => ask('Voucher')));
  expect(lists.every((list) => 'names' in list && list.names.includes('Voucher'))).toBe(true);
  expect(far.calls).toBe(2);
});

test('a wrong name makes at most one call in two seconds', async () => {
  const { far, ask } = setUp();
  for (let tries = 0; tries < 10; tries += 1) {
    await ask('Gold');
    far.now += 100;
  }
  expect(far.calls).toBe(1);
});

test('trouble is handed out and not kept', async () => {
  const { far, ask } = setUp();
  far.answer = { code: 'timeout', detail: 'late' };
  expect(await ask('Card')).toEqual({ code: 'timeout', detail: 'late' });
  far.answer = { names: ['Card'] };
  expect(await ask('Card')).toEqual({ names: ['Card'] });
  expect(far.calls).toBe(2);
});
