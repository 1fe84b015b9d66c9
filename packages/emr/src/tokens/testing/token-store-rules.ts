import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { TokenLease, TokenStore } from '../token-store.ts';

export type TokenStoreRule = { name: string; run(store: TokenStore): Promise<void> };

const newKey = () => randomBytes(32).toString('hex');
const pairOf = (name: string, expiresInMs = 60_000) => ({
  accessToken: `at-${name}`,
  refreshToken: `rt-${name}`,
  afterRejection: false,
  expiresInMs,
});

/** One that ended before it began: a store may round its times to a millisecond. */
const LEASE_THAT_HAS_ENDED = { leaseMs: -5 };

async function leased(store: TokenStore, key: string, input: { generation?: number; leaseMs?: number } = {}) {
  const lease = await store.lease({ key, generation: 0, leaseMs: 60_000, ...input });
  if (lease === null) throw new Error('no lease');
  return lease;
}

/** The rules for every store of tokens. */
export const tokenStoreRules: readonly TokenStoreRule[] = [
  {
    name: 'there is no token at first',
    async run(store) {
      expect(await store.look(newKey())).toEqual({
        pair: null,
        generation: 0,
        state: 'good',
        leased: false,
        waitMs: 0,
      });
    },
  },
  {
    name: 'of many who want the lease one gets it, also of a credential that is new',
    async run(store) {
      const key = newKey();
      const want = (generation: number) =>
        Promise.all(Array.from({ length: 8 }, () => store.lease({ key, generation, leaseMs: 60_000 })));
      const [first, ...others] = (await want(0)).filter((lease) => lease !== null);
      expect(others).toEqual([]);
      expect((await store.look(key)).leased).toBe(true);
      expect(await store.put(first as TokenLease, pairOf('one'))).toBe(true);
      expect((await want(1)).filter((lease) => lease !== null)).toHaveLength(1);
    },
  },
  {
    name: 'a pair is kept with its times, and ends the lease',
    async run(store) {
      const key = newKey();
      await store.put(await leased(store, key), { ...pairOf('one', 5000), afterRejection: true });
      const { pair, ...rest } = await store.look(key);
      expect(rest).toEqual({ generation: 1, state: 'good', leased: false, waitMs: 0 });
      expect(pair).toMatchObject({ accessToken: 'at-one', refreshToken: 'rt-one', afterRejection: true });
      const { ageMs = -1, lifetimeMs, remainingMs = 0 } = pair ?? {};
      expect(lifetimeMs).toBeCloseTo(5000, -1);
      expect(ageMs).toBeGreaterThan(-2);
      expect(ageMs + remainingMs).toBeCloseTo(5000, -1);
    },
  },
  {
    name: 'no lease for one who has not seen the present pair',
    async run(store) {
      const key = newKey();
      await store.put(await leased(store, key), pairOf('one'));
      expect(await store.lease({ key, generation: 0, leaseMs: 1000 })).toBeNull();
      expect(await store.lease({ key: newKey(), generation: 3, leaseMs: 1000 })).toBeNull();
    },
  },
  {
    name: 'a lease that ran out passes to the next; the one before can end nothing',
    async run(store) {
      const key = newKey();
      const stopped = await leased(store, key, LEASE_THAT_HAS_ENDED);
      const next = await leased(store, key);
      expect(next.fence).toBe(stopped.fence + 1);
      await store.giveUp(stopped, { state: 'login_required', waitMs: 60_000 });
      expect(await store.look(key)).toMatchObject({ state: 'good', leased: true, waitMs: 0 });
    },
  },
  {
    name: 'a pair whose lease ran out is stored, and what the next holder says of the one before counts no more',
    async run(store) {
      const key = newKey();
      const late = await leased(store, key, LEASE_THAT_HAS_ENDED);
      const next = await leased(store, key);
      expect(await store.put(late, pairOf('late'))).toBe(true);
      // The vendor refused it with the dead refresh token.
      await store.giveUp(next, { state: 'login_required', waitMs: 0 });
      expect(await store.look(key)).toMatchObject({ state: 'good', leased: false, generation: 1 });
      expect(await store.put(next, pairOf('next'))).toBe(false);
      expect((await store.look(key)).pair?.accessToken).toBe('at-late');
    },
  },
  {
    name: 'an end without a pair keeps the one before, and may keep others away for a time',
    async run(store) {
      const key = newKey();
      await store.put(await leased(store, key), pairOf('one'));
      await store.giveUp(await leased(store, key, { generation: 1 }), { state: 'good', waitMs: 5000 });
      const seen = await store.look(key);
      expect(seen).toMatchObject({ pair: { accessToken: 'at-one' }, leased: false, generation: 1 });
      expect(seen.waitMs).toBeGreaterThan(4000);
      expect(await store.lease({ key, generation: 1, leaseMs: 1000 })).toBeNull();
    },
  },
  {
    name: 'a login that has ended is known to all, until there is a pair again',
    async run(store) {
      const key = newKey();
      await store.giveUp(await leased(store, key), { state: 'login_required', waitMs: 0 });
      expect(await store.look(key)).toMatchObject({ state: 'login_required', leased: false });
      await store.put(await leased(store, key), pairOf('one'));
      expect(await store.look(key)).toMatchObject({ state: 'good' });
    },
  },
];
