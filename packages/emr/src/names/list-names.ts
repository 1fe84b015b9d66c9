import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { EmrAdapter } from '../adapter.ts';
import type { CallOptions, ListOptions } from '../calls.ts';
import type { EmrCode, EmrLists, ListOutcome, ResolveOutcome } from '../lists.ts';
import { isTrouble, type Trouble } from '../trouble.ts';
import { cleanLists } from './clean-lists.ts';
import { createListCache } from './list-cache.ts';
import { matchNames } from './match-names.ts';

/** Waits for a result that other callers may share, until this caller's signal aborts. */
async function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T | Trouble> {
  const aborted: Trouble = { code: 'aborted', detail: sentence`The call was aborted.` };
  if (signal.aborted) return aborted;
  const stop = Promise.withResolvers<Trouble>();
  const onAbort = () => stop.resolve(aborted);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([shared, stop.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

type Pair = { method: EmrCode; location: EmrCode };

/**
 * The part of an adapter that deals with the practice's names: `list` and `resolve`, over one cached copy of the EMR's
 * lists.
 *
 * @param fetch reads the lists from the EMR. Callers share its result, so none of their signals reaches it: it must have
 *   a time limit of its own.
 * @param options.problemOf says why the EMR does not take this method at this location, where it has both; null: it does.
 */
export function listNames(
  fetch: (options: CallOptions) => Promise<EmrLists | Trouble>,
  { problemOf = () => null }: { problemOf?: (pair: Pair) => OurSentence | null } = {},
): Pick<EmrAdapter, 'list' | 'resolve'> {
  let reads = 0;
  const cache = createListCache<EmrLists>(async () => {
    reads += 1;
    const lists = await fetch({ signal: new AbortController().signal, waitsLong: true });
    return isTrouble(lists) ? lists : cleanLists(lists);
  });

  /** A read that had begun before this call says nothing about the time since. */
  async function readOr(
    cached: () => Promise<EmrLists | Trouble>,
    { signal, onRead }: ListOptions,
  ): Promise<EmrLists | Trouble> {
    const before = reads;
    const lists = await unlessAborted(cached(), signal);
    if (reads > before && !isTrouble(lists)) onRead?.();
    return lists;
  }

  const list: EmrAdapter['list'] = async ({ fresh = false, ...options }): Promise<ListOutcome> => {
    const lists = await readOr(() => (fresh ? cache.refresh() : cache.get(() => true)), options);
    return isTrouble(lists) ? { outcome: 'not_sent', ...lists } : { outcome: 'listed', ...lists };
  };

  async function resolve(
    names: { paymentMethod: string; location: string },
    { readSince, ...options }: ListOptions & { readSince?: number },
  ): Promise<ResolveOutcome> {
    const match = (lists: EmrLists): Exclude<ResolveOutcome, { outcome: 'not_sent' }> => {
      const matched = matchNames(lists, names);
      const reason = matched.outcome === 'resolved' ? problemOf(matched) : null;
      return reason === null ? matched : { outcome: 'refused', code: 'unknown_payment_method', reason };
    };
    const has = (lists: EmrLists) => match(lists).outcome === 'resolved';
    const cached = () => (readSince === undefined ? cache.get(has) : cache.since(readSince));
    const lists = await readOr(cached, options);
    return isTrouble(lists) ? { outcome: 'not_sent', ...lists } : match(lists);
  }

  return { list, resolve };
}

/** The same of an EMR whose lists are the same for all practices: they are never read. */
export function fixedNames(lists: EmrLists): Pick<EmrAdapter, 'list' | 'resolve'> {
  const { list, resolve } = listNames(async () => lists);
  return {
    list: ({ signal }) => list({ signal }),
    resolve: (names, { signal }) => resolve(names, { signal }),
  };
}
