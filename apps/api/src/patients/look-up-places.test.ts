import { ShareExceededError } from '@emr-payments/runtime';
import { expect, test } from 'vitest';
import { createLookUpPlaces, type LookUpPlaces } from './look-up-places.ts';

const WAIT_MS = 60_000;

/** Begins `each` look-ups of some practices of a client, which go on until the end. */
function flood(places: LookUpPlaces, input: { clientPk: number; users: number; each: number }) {
  const { clientPk, users, each } = input;
  const end = Promise.withResolvers<void>();
  const begun: number[] = [];
  const all = Array.from({ length: users * each }, (_, n) => {
    const userId = clientPk * 1_000 + (n % users);
    const work = () => {
      begun.push(userId);
      return end.promise;
    };
    return places.run({ clientPk, userId }, work);
  });
  return {
    begun,
    async end() {
      end.resolve();
      return (await Promise.allSettled(all)).filter(({ status }) => status === 'rejected').length;
    },
  };
}

/** All that can begin at once has begun. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a client with many practices has its share of the places, and another client begins at once', async () => {
  const places = createLookUpPlaces({ waitMs: WAIT_MS });
  const one = flood(places, { clientPk: 1, users: 40, each: 4 });
  await settled();
  expect(one.begun).toHaveLength(32);
  const other = flood(places, { clientPk: 2, users: 1, each: 1 });
  await settled();
  expect(other.begun).toHaveLength(1);
  expect([await one.end(), await other.end()]).toEqual([0, 0]);
  expect(one.begun).toHaveLength(160);
});

test('a practice has four of them and a hundred that wait, and another one of its client begins at once', async () => {
  const places = createLookUpPlaces({ waitMs: WAIT_MS });
  const one = flood(places, { clientPk: 1, users: 1, each: 104 });
  await expect(places.run({ clientPk: 1, userId: 1_000 }, async () => undefined)).rejects.toThrow(
    ShareExceededError,
  );
  const other = await places.run({ clientPk: 1, userId: 7 }, async () => one.begun.length);
  expect(other).toBe(4);
  expect(await one.end()).toBe(0);
  expect(one.begun).toHaveLength(104);
});
