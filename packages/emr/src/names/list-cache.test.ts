import { sentence } from '@emr-payments/contracts';
import { expect, test } from 'vitest';
import type { Trouble } from '../trouble.ts';
import { createListCache } from './list-cache.ts';

type List = { names: string[] };

/** A cache with a clock that the test advances, over an EMR whose list the test changes. */
function setUp() {
  const far = { now: 1000, calls: 0, answer: { names: ['Card'] } as List | Trouble };
  const fetch = async () => {
    far.calls += 1;
    return far.answer;
  };
  const cache = createListCache<List>(fetch, { now: () => far.now });
  const ask = (name: string) => cache.get((list) => list.names.includes(name));
  return { far, ask, cache };
}

test('callers at the same time share one fetch, and the list is kept for a minute', async () => {
  const { far, ask } = setUp();
  await Promise.all(Array.from({ length: 50 }, () => ask('Card')));
  far.now += 59_000;
  await ask('Card');
  expect(far.calls).toBe(1);
  far.now += 2000;
  await ask('Card');
  expect(far.calls).toBe(2);
});

test('a name that was added a moment ago is found, and all callers that miss it share one fetch', async () => {
  const { far, ask } = setUp();
  await ask('Card');
  far.answer = { names: ['Card', 'Voucher'] };
  far.now += 2500;
  const lists = await Promise.all(Array.from({ length: 20 }, () => ask('Voucher')));
  expect(lists.every((list) => 'names' in list && list.names.includes('Voucher'))).toBe(true);
  expect(far.calls).toBe(2);
});

test('a refresh reads what is listed now, however young the kept list is, and is kept itself', async () => {
  const { far, ask, cache } = setUp();
  await ask('Card');
  far.answer = { names: ['Voucher'] };
  expect(await cache.refresh()).toEqual({ names: ['Voucher'] });
  expect(await ask('Voucher')).toEqual({ names: ['Voucher'] });
  expect(far.calls).toBe(2);
});

test('a list that was read before a time is read again, once for all who ask', async () => {
  const { far, ask, cache } = setUp();
  await ask('Card');
  far.now += 1;
  far.answer = { names: ['Voucher'] };
  const since = far.now;
  const lists = await Promise.all(Array.from({ length: 20 }, () => cache.since(since)));
  expect(lists.every((list) => 'names' in list && list.names.includes('Voucher'))).toBe(true);
  expect(await cache.since(since)).toEqual({ names: ['Voucher'] });
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

test('trouble is returned and not kept', async () => {
  const { far, ask } = setUp();
  far.answer = { code: 'timeout', detail: sentence`late` };
  expect(await ask('Card')).toEqual({ code: 'timeout', detail: 'late' });
  far.answer = { names: ['Card'] };
  expect(await ask('Card')).toEqual({ names: ['Card'] });
  expect(far.calls).toBe(2);
});

test('a fetch that throws is not kept either', async () => {
  let calls = 0;
  const cache = createListCache<List>(async () => {
    calls += 1;
    if (calls === 1) throw new Error('a bug');
    return { names: ['Card'] };
  });
  await expect(cache.get(() => true)).rejects.toThrow('a bug');
  expect(await cache.get(() => true)).toEqual({ names: ['Card'] });
});
