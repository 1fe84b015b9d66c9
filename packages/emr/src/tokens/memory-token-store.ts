import type { StoredToken, TokenPair, TokenStore } from './token-store.ts';

type Row = {
  pair: (TokenPair & { storedAt: number; expiresAt: number }) | null;
  generation: number;
  fence: number;
  state: StoredToken['state'];
  leasedUntil: number;
  waitUntil: number;
};

const now = () => performance.now();

/** Keeps tokens in the memory of this process: for tests, and for a check of a connection by a process that works alone. */
export function memoryTokenStore(): TokenStore {
  const rows = new Map<string, Row>();
  const rowOf = (key: string): Row => {
    const row = rows.get(key) ?? {
      pair: null,
      generation: 0,
      fence: 0,
      state: 'good' as const,
      leasedUntil: 0,
      waitUntil: 0,
    };
    rows.set(key, row);
    return row;
  };
  return {
    async look(key) {
      const { pair, generation, state, leasedUntil, waitUntil } = rowOf(key);
      return {
        pair:
          pair === null
            ? null
            : {
                ...pair,
                ageMs: now() - pair.storedAt,
                lifetimeMs: pair.expiresAt - pair.storedAt,
                remainingMs: pair.expiresAt - now(),
              },
        generation,
        state,
        leased: leasedUntil > now(),
        waitMs: Math.max(0, waitUntil - now()),
      };
    },
    async lease({ key, generation, leaseMs }) {
      const row = rowOf(key);
      if (row.generation !== generation || row.leasedUntil > now() || row.waitUntil > now()) return null;
      row.fence += 1;
      row.leasedUntil = now() + leaseMs;
      return { key, fence: row.fence, generation };
    },
    async put({ key, generation }, { expiresInMs, ...pair }) {
      const row = rowOf(key);
      if (row.generation !== generation) return false;
      row.pair = { ...pair, storedAt: now(), expiresAt: now() + expiresInMs };
      row.generation += 1;
      row.state = 'good';
      row.leasedUntil = 0;
      row.waitUntil = 0;
      return true;
    },
    async giveUp({ key, fence, generation }, { state, waitMs }) {
      const row = rowOf(key);
      if (row.fence !== fence || row.generation !== generation) return;
      row.state = state;
      row.leasedUntil = 0;
      row.waitUntil = now() + waitMs;
    },
  };
}
