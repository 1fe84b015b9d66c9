import { expect, test } from 'vitest';
import type { EmrAdapter } from '../adapter.ts';
import type { EmrLists } from '../lists.ts';
import { listNames } from './list-names.ts';
import { withListsShown } from './show-lists.ts';

const options = { signal: new AbortController().signal };
const location = (name: string) => ({ id: name, name, identifiers: [] });

/** An adapter whose EMR's locations the test changes. */
function setUp() {
  const far = { calls: 0, locations: ['Main'], now: 1_000 };
  const shown: string[][] = [];
  const names = listNames(async () => {
    far.calls += 1;
    return { methods: [{ id: '1', name: 'Card' }], locations: far.locations.map(location) };
  });
  // Storing takes a while.
  const show = async (lists: EmrLists) => {
    await new Promise(setImmediate);
    shown.push(lists.locations.map(({ name }) => name));
  };
  const adapter = withListsShown({ ...names } as EmrAdapter, show, { now: () => far.now });
  const resolve = (name: string) => adapter.resolve({ paymentMethod: 'card', location: name }, options);
  return { far, shown, adapter, resolve };
}

test('lists are passed on once, and are stored before `list` answers', async () => {
  const { far, shown, adapter } = setUp();
  const whenRead = async () => {
    await adapter.list(options);
    return structuredClone(shown);
  };
  expect(await Promise.all([whenRead(), whenRead()])).toEqual([[['Main']], [['Main']]]);
  await adapter.list(options);
  expect([far.calls, shown]).toEqual([1, [['Main']]]);
});

test('the first payment passes them on, and the next ones do not', async () => {
  const { far, shown, resolve } = setUp();
  for (let n = 0; n < 3; n += 1) {
    await resolve('Main');
    far.now += 5_000;
  }
  await expect.poll(() => shown).toEqual([['Main']]);
  expect(far.calls).toBe(1);
});

test('a wrong name passes on what the EMR has now, and a burst of them makes no burst of lists', async () => {
  const { far, shown, resolve } = setUp();
  await resolve('Main');
  for (let n = 0; n < 20; n += 1) await resolve('Nowhere');
  await expect.poll(() => shown).toEqual([['Main']]);
  expect(far.calls).toBe(1);
});
