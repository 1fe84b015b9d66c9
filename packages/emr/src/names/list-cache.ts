import { LRUCache } from 'lru-cache';
import type { Trouble } from '../adapter.ts';

const KEPT_MS = 60_000;
const MAX_CONNECTIONS = 1000;
/** A name that is not in a list as young as this is not looked for again: a burst of wrong names makes no burst of calls. */
const YOUNG_MS = 2000;

/** A list and how old it may be believed to be. */
type Entry<T> = { startedAt: number; list: Promise<T | Trouble> };

export type ListCache<T extends object> = {
  /**
   * The list of one connection, fetched at most once a minute however many ask. Trouble is not kept.
   *
   * @param input.has whether the list has what the caller needs. If not, and the list is not quite young, it is
   *   fetched once more: a method that was added in the EMR a moment ago is found.
   */
  get(input: {
    key: string;
    fetch: () => Promise<T | Trouble>;
    has: (list: T) => boolean;
  }): Promise<T | Trouble>;
};

export function isTrouble(value: object): value is Trouble {
  return 'code' in value && 'detail' in value;
}

/** @param clock milliseconds that only grow. */
export function createListCache<T extends object>(clock: { now(): number } = performance): ListCache<T> {
  const entries = new LRUCache<string, Entry<T>>({
    max: MAX_CONNECTIONS,
    ttl: KEPT_MS,
    perf: clock,
    ttlResolution: 0,
  });

  function load(key: string, fetch: () => Promise<T | Trouble>): Entry<T> {
    const entry: Entry<T> = { startedAt: clock.now(), list: fetch() };
    entries.set(key, entry);
    const forget = () => {
      if (entries.peek(key) === entry) entries.delete(key);
    };
    entry.list.then((list) => {
      if (isTrouble(list)) forget();
    }, forget);
    return entry;
  }

  return {
    async get({ key, fetch, has }) {
      const entry = entries.get(key) ?? load(key, fetch);
      const list = await entry.list;
      if (isTrouble(list) || has(list) || clock.now() - entry.startedAt <= YOUNG_MS) return list;
      // Of all who miss at once, the first fetches and the others share it.
      const current = entries.get(key);
      return (current === undefined || current === entry ? load(key, fetch) : current).list;
    },
  };
}
