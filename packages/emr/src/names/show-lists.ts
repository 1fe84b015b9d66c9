import type { EmrAdapter } from '../adapter.ts';
import type { EmrLists, ListOutcome } from '../lists.ts';

/** Shortest time between two lists that unknown names cause: a burst of wrong names writes no burst of lists. */
const SHOWN_MS = 2_000;

/**
 * Passes on what the EMR lists, so that it can be stored: whenever the lists are read, and when a payment names what they did not have when
 * they were passed on last. `resolve` has then just read them again (`list-cache.ts`), so that this makes no further call: a location that
 * was added a moment ago is stored with the first payment that names it.
 *
 * `list` answers once the lists are stored.
 *
 * @param show must not reject.
 * @param clock milliseconds that only grow.
 */
export function withListsShown(
  adapter: EmrAdapter,
  show: (lists: EmrLists) => Promise<unknown>,
  clock: { now(): number } = performance,
): EmrAdapter {
  let shownAt = Number.NEGATIVE_INFINITY;
  let shown: EmrLists['methods'] | null = null;
  let storing: Promise<unknown> = Promise.resolve();
  let known: { methods: ReadonlySet<string>; locations: ReadonlySet<string> } | null = null;

  const ids = (entries: readonly { id: string }[]) => new Set(entries.map(({ id }) => id));
  const passOn = async (listed: ListOutcome): Promise<unknown> => {
    if (listed.outcome !== 'listed') return;
    // A list that comes from the cache is the one that was passed on.
    if (listed.methods === shown) return storing;
    const { outcome: _, ...lists } = listed;
    shown = lists.methods;
    known = { methods: ids(lists.methods), locations: ids(lists.locations) };
    shownAt = clock.now();
    storing = show(lists);
    return storing;
  };

  return {
    ...adapter,
    async list(options) {
      const listed = await adapter.list(options);
      await passOn(listed);
      return listed;
    },
    async resolve(names, options) {
      const resolved = await adapter.resolve(names, options);
      if (resolved.outcome === 'not_sent' || clock.now() - shownAt < SHOWN_MS) return resolved;
      // A place that the EMR does not have gets an empty id: there is no list of it.
      const isKnown = ({ id }: { id: string }, among: ReadonlySet<string> | undefined) =>
        id === '' || among?.has(id) === true;
      if (
        resolved.outcome === 'resolved' &&
        isKnown(resolved.method, known?.methods) &&
        isKnown(resolved.location, known?.locations)
      )
        return resolved;
      shownAt = clock.now();
      adapter.list(options).then(passOn, () => undefined);
      return resolved;
    },
  };
}
