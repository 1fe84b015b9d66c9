import { isTrouble, type Trouble } from '../trouble.ts';

const KEPT_MS = 60_000;
/** A name that is not in a list as young as this does not cause another fetch: a burst of wrong names makes no burst of calls. */
const YOUNG_MS = 2000;

type Entry<T> = { startedAt: number; list: Promise<T | Trouble> };

export type ListCache<T extends object> = {
  /**
   * Gives the list, fetched at most once a minute however many callers want it. Trouble is not kept.
   *
   * @param has returns whether the list has what the caller needs. If it does not, and the list is older than two
   *   seconds, the list is fetched once more, so that a method that was added in the EMR a moment ago is found.
   */
  get(has: (list: T) => boolean): Promise<T | Trouble>;
  /** Gives a list whose fetch has begun at this time of the clock or later. All callers that miss one share one fetch. */
  since(time: number): Promise<T | Trouble>;
  /** Fetches the list now, and keeps it. */
  refresh(): Promise<T | Trouble>;
};

/**
 * Keeps one connection's list in memory.
 *
 * @param fetch its result is shared by all callers, so no single caller may end it.
 * @param clock milliseconds that only grow.
 */
export function createListCache<T extends object>(
  fetch: () => Promise<T | Trouble>,
  clock: { now(): number } = performance,
): ListCache<T> {
  let kept: Entry<T> | null = null;

  function load(): Entry<T> {
    const entry: Entry<T> = { startedAt: clock.now(), list: fetch() };
    kept = entry;
    const forget = () => {
      if (kept === entry) kept = null;
    };
    entry.list.then((list) => {
      if (isTrouble(list)) forget();
    }, forget);
    return entry;
  }

  return {
    refresh: () => load().list,
    since: (time) => (kept !== null && kept.startedAt >= time ? kept : load()).list,
    async get(has) {
      const entry = kept !== null && clock.now() - kept.startedAt < KEPT_MS ? kept : load();
      const list = await entry.list;
      if (isTrouble(list) || has(list) || clock.now() - entry.startedAt <= YOUNG_MS) return list;
      // When several callers miss a name at once, the first one fetches and the others share its fetch.
      return (kept === null || kept === entry ? load() : kept).list;
    },
  };
}
