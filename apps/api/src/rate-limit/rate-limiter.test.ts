import { describe, expect, test } from 'vitest';
import { createRateLimiter } from './rate-limiter.ts';
import { newBucket, refill, secondsUntilNext, shareOf } from './token-buckets.ts';

describe('a bucket', () => {
  test('holds a second’s worth, and fills by its share', () => {
    const bucket = newBucket(10, 0);
    bucket.tokens = 0;
    refill(bucket, 500);
    expect(bucket.tokens).toBe(5);
    refill(bucket, 60_000);
    expect(bucket.tokens).toBe(10);
  });

  test('with a share below one saves up for a whole request', () => {
    const bucket = newBucket(0.25, 0);
    bucket.tokens = 0;
    expect(secondsUntilNext(bucket)).toBe(4);
    refill(bucket, 4000);
    expect(bucket.tokens).toBe(1);
  });
});

test.each([
  ['nobody else', { limit: 100, own: 500, others: 0, processes: 3 }, 20],
  ['nobody else, below the limit', { limit: 100, own: 5, others: 0, processes: 3 }, 100],
  ['what the others leave', { limit: 100, own: 30, others: 40, processes: 2 }, 60],
  ['in proportion', { limit: 100, own: 300, others: 100, processes: 2 }, 75],
  ['never shut out', { limit: 100, own: 0, others: 1000, processes: 4 }, 1],
])('the share of a process: %s', (name, input, share) => {
  expect(shareOf(input)).toBe(name === 'nobody else' ? 100 : share);
});

describe('the limiter', () => {
  const at = { now: 0 };
  const limiter = (limits: { clientPerSecond: number; userPerSecond: number }) => {
    at.now = 0;
    return createRateLimiter(limits, () => at.now);
  };
  const passed = (taken: { outcome: string }[]) => taken.filter(({ outcome }) => outcome === 'passed').length;

  test('lets the user’s limit through and no more, and the same again a second later', () => {
    const one = limiter({ clientPerSecond: 100, userPerSecond: 5 });
    const take = () => Array.from({ length: 20 }, () => one.take({ clientPk: 1, userId: 7 }));
    const first = take();
    expect(passed(first)).toBe(5);
    expect(first[0]).toMatchObject({ remaining: '"client";r=99;t=1, "user";r=4;t=1' });
    expect(first.at(-1)).toMatchObject({ limit: 'at most 5 a second for each user', retryAfterSeconds: 1 });
    at.now = 1000;
    expect(passed(take())).toBe(5);
    expect(one.policy).toBe('"client";q=100;w=1, "user";q=5;w=1');
  });

  test('a request that the user’s limit refuses does not use up the client’s', () => {
    const one = limiter({ clientPerSecond: 10, userPerSecond: 2 });
    for (let n = 0; n < 50; n += 1) one.take({ clientPk: 1, userId: 7 });
    expect(passed(Array.from({ length: 50 }, (_, n) => one.take({ clientPk: 1, userId: 100 + n })))).toBe(8);
    expect(one.take({ clientPk: 1, userId: 999 })).toMatchObject({
      limit: 'at most 10 a second for each client',
    });
    expect(one.take({ clientPk: 2, userId: 7 }).outcome).toBe('refused');
    expect(one.take({ clientPk: 2, userId: null }).outcome).toBe('passed');
  });

  test('0 is no limit', () => {
    const none = limiter({ clientPerSecond: 0, userPerSecond: 0 });
    expect(none.policy).toBeNull();
    expect(passed(Array.from({ length: 5000 }, () => none.take({ clientPk: 1, userId: 1 })))).toBe(5000);
    expect(limiter({ clientPerSecond: 3, userPerSecond: 0 }).policy).toBe('"client";q=3;w=1');
  });

  test('reports its demand, including refused requests, and keeps to the share that it learns', () => {
    const one = limiter({ clientPerSecond: 0, userPerSecond: 100 });
    for (let n = 0; n < 300; n += 1) one.take({ clientPk: 1, userId: 7 });
    at.now = 1000;
    expect(one.readDemands()).toEqual([{ key: 'user:7', demand: 300 }]);
    one.learn(new Map([['user:7', 900]]), 2);
    at.now = 3000;
    expect(passed(Array.from({ length: 300 }, () => one.take({ clientPk: 1, userId: 7 })))).toBe(25);
    // A key that is not known yet: its part by the number of processes.
    expect(passed(Array.from({ length: 300 }, () => one.take({ clientPk: 1, userId: 8 })))).toBe(50);
  });

  test('forgets clients that send no more requests', () => {
    const one = limiter({ clientPerSecond: 0, userPerSecond: 100 });
    one.take({ clientPk: 1, userId: 7 });
    at.now = 1000;
    expect(one.readDemands()).toHaveLength(1);
    at.now = 20_000;
    expect(one.readDemands()).toEqual([]);
    one.learn(new Map([['user:7', 900]]), 2);
    at.now = 21_000;
    expect(passed(Array.from({ length: 300 }, () => one.take({ clientPk: 1, userId: 7 })))).toBe(50);
  });
});
