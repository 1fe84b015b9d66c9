import { expect, test } from 'vitest';
import { servedFromCache } from './cached-answer.ts';

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
  [{ 'x-cache': 'MISS from a.example, HIT from b.example' }],
])('%j: from a cache', (headers) => {
  expect(servedFromCache(headers)).toBe(true);
});

test.each([
  [{}],
  [{ age: '0' }],
  [{ age: 'old' }],
  [{ 'x-cache': 'MISS' }],
  [{ 'cf-cache-status': 'DYNAMIC' }],
  [{ 'cache-status': 'ExampleCache; fwd=miss; stored' }],
  [{ warning: '199 - "Miscellaneous"' }],
  [{ 'x-cache': 'MISS from white-hit.example' }],
  [{ 'x-cache': 'MISS from hit.example' }],
  [{ 'x-cache': 'RefreshHit from cloudfront' }],
  [{ 'x-cache': 'TCP_REFRESH_HIT from a1.example' }],
  [{ 'x-cache': 'MISS from squid', 'x-cache-lookup': 'HIT from squid:3128' }],
  // A clock may be slow: the time of one answer proves nothing.
  [{ date: 'Mon, 15 Jun 2026 09:55:00 GMT' }],
])('%j: fresh', (headers) => {
  expect(servedFromCache(headers)).toBe(false);
});
