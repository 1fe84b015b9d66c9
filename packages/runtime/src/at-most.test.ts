import { LRUCache } from 'lru-cache';
import { expect, test } from 'vitest';
import { atMost } from './at-most.ts';

test('the entry that was not used for the longest time makes room', () => {
  const cache = new LRUCache<string, number>(atMost(2));
  cache.set('a', 1).set('b', 2);
  cache.get('a');
  cache.set('c', 3);
  expect([...cache.keys()].sort()).toEqual(['a', 'c']);
});

test('an empty cache takes no memory for the entries that it may have', () => {
  const before = process.memoryUsage().heapUsed;
  const cache = new LRUCache<string, number>({ ...atMost(3_000_000), ttl: 1000 });
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(cache.size).toBe(0);
});
