import { expect, test } from 'vitest';
import { servedFromCache } from './cached-answer.ts';

const NOW = Date.parse('2026-06-15T10:00:00Z');

test.each([
  [{ age: '1' }],
  [{ age: '600' }],
  [{ 'x-cache': 'HIT' }],
  [{ 'x-cache': 'Hit from cloudfront' }],
  [{ 'x-cache': 'TCP_MEM_HIT from a1.example' }],
  [{ 'x-cache': 'MISS, HIT' }],
  [{ 'x-cache-status': 'STALE' }],
  [{ 'cf-cache-status': 'UPDATING' }],
  [{ 'cache-status': 'ExampleCache; hit; ttl=30' }],
  [{ 'cache-status': 'Origin; fwd=miss, Edge; hit' }],
  [{ warning: '110 cache.example "Response is Stale"' }],
  [{ warning: '199 - "Misc", 111 - "Revalidation Failed"' }],
  [{ date: 'Mon, 15 Jun 2026 09:30:00 GMT' }],
])('%j: from a cache', (headers) => {
  expect(servedFromCache(headers, NOW)).toBe(true);
});

test.each([
  [{}],
  [{ age: '0' }],
  [{ age: 'old' }],
  [{ 'x-cache': 'MISS' }],
  [{ 'cf-cache-status': 'DYNAMIC' }],
  [{ 'cache-status': 'ExampleCache; fwd=miss; stored' }],
  [{ warning: '199 - "Miscellaneous"' }],
  // A clock that is some minutes slow is common.
  [{ date: 'Mon, 15 Jun 2026 09:55:00 GMT' }],
  [{ date: 'yesterday' }],
])('%j: fresh', (headers) => {
  expect(servedFromCache(headers, NOW)).toBe(false);
});
