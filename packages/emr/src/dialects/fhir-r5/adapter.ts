import type {
  AdapterFactory,
  CallOptions,
  EmrAdapter,
  ListOutcome,
  ResolveOutcome,
  Trouble,
} from '../../adapter.ts';
import { createListCache, isTrouble } from '../../names/list-cache.ts';
import { matchNames } from '../../names/match-names.ts';
import { checkFhirConnection } from './check.ts';
import { findPayment } from './find-payment.ts';
import { type EmrLists, fetchLists } from './lists.ts';
import { postPayment } from './post-payment.ts';
import { readFhirConnection } from './settings.ts';

/** Adapters come and go with the jobs that need them; what a connection's EMR has outlives them. */
const listCache = createListCache<EmrLists>();

/** Waits for what others may wait for too, and stops waiting when this caller is stopped. */
async function unlessAborted<T>(shared: Promise<T>, signal: AbortSignal): Promise<T | Trouble> {
  const aborted: Trouble = { code: 'aborted', detail: 'The call was given up.' };
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

/** FHIR R5: PaymentReconciliation over REST. What it carries and how it decides: docs/adapters.md. */
export const openFhirAdapter: AdapterFactory = (connection) => {
  const fhir = readFhirConnection(connection);
  const cacheKey = JSON.stringify([connection.userId, fhir.baseUrl, fhir.settings.payment_method_value_set]);
  // A fetch is shared, so that no single caller's signal may end it; its time limit does.
  const fetch = () => fetchLists(fhir, new AbortController().signal);

  async function resolve(
    names: { paymentMethod: string; location: string },
    { signal }: { signal: AbortSignal },
  ): Promise<ResolveOutcome> {
    const has = (lists: EmrLists) => matchNames(lists, names).outcome === 'resolved';
    const lists = await unlessAborted(listCache.get({ key: cacheKey, fetch, has }), signal);
    return isTrouble(lists) ? { outcome: 'not_sent', ...lists } : matchNames(lists, names);
  }

  async function list({ signal }: CallOptions): Promise<ListOutcome> {
    const lists = await unlessAborted(listCache.get({ key: cacheKey, fetch, has: () => true }), signal);
    return isTrouble(lists) ? { outcome: 'not_sent', ...lists } : { outcome: 'listed', ...lists };
  }

  const adapter: EmrAdapter = {
    capability: fhir.capability,
    drops: [],
    settleMs: fhir.settings.settle_ms,
    check: ({ signal }) => checkFhirConnection(fhir, signal),
    list,
    resolve,
    post: (posting, options) => postPayment(fhir, posting, options),
  };
  if (!fhir.settings.search) return adapter;
  return { ...adapter, find: (paymentId, options) => findPayment(fhir, paymentId, options) };
};
