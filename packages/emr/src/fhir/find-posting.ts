import { randomInt, randomUUID } from 'node:crypto';
import { absent } from '../absence.ts';
import type { CallOptions, FindHints, FindOutcome, FoundRow } from '../adapter.ts';
import { judgeRows } from '../judge-rows.ts';
import type { FhirConnection } from './connection.ts';
import type { Failed } from './read.ts';
import { readAll, type SearchFacts } from './read-all.ts';
import { carriesOurId, type Payment, paymentSchema } from './resources.ts';

/** Parameters that change how results are given, and not which: those of FHIR, and those by which servers page. */
const PRESENTATION =
  /^(?:page$|__|_(?:count|elements|format|include|maxresults|offset|page|pretty|revinclude|skip|sort|summary|total)(?::|$))/;
/** Clocks, and the whole seconds of `Date`, differ by some seconds: only more than this makes an answer suspect. */
const CLOCKS_MS = 5000;

/**
 * True unless the server says, in the self link that R5 demands, that it did another search: without our identifier, or with a
 * filter that we did not ask for. A server without the link proves nothing by that.
 */
function didOurSearch(
  { selfLink }: SearchFacts,
  { baseUrl, system, paymentId }: { baseUrl: string; system: string; paymentId: string },
): boolean {
  if (selfLink === undefined) return true;
  if (!URL.canParse(selfLink, `${baseUrl}/`)) return false;
  const parameters = [...new URL(selfLink, `${baseUrl}/`).searchParams].filter(
    ([name]) => !PRESENTATION.test(name),
  );
  const [[name, value] = ['', '']] = parameters;
  // Without a system, the id is searched in all of them. With an empty one (`|id`), it is searched in none of ours.
  return (
    parameters.length === 1 &&
    name === 'identifier' &&
    [`${system}|${paymentId}`, paymentId].includes(value.replaceAll(' ', '+'))
  );
}

/**
 * Searches for one payment id, with a page size drawn by lot: a cache that keeps answers by URL, obeys no header and sends none
 * rarely has one for it. The size has no effect on which entries are found. On connections of its own, because an empty answer to
 * an earlier request would be believed.
 */
function searchFor(connection: FhirConnection, paymentId: string, { signal }: CallOptions) {
  const system = connection.settings.payment_identifier_system;
  const query = new URLSearchParams({
    identifier: `${system}|${paymentId}`,
    _count: String(randomInt(50, 150)),
  });
  return readAll(connection, {
    path: `${connection.payments.type}?${query}`,
    schema: paymentSchema(connection.payments.type),
    signal,
    unshared: true,
  });
}

/**
 * Decides whether an answer that calls itself older than our request is old, or the EMR's clock is slow: the answer to a
 * search that was never made before is in no cache, and shows the clock.
 */
async function isOld(
  connection: FhirConnection,
  { lagMs }: SearchFacts,
  options: CallOptions,
): Promise<boolean> {
  if (lagMs <= CLOCKS_MS) return false;
  const started = performance.now();
  const fresh = await searchFor(connection, randomUUID().replaceAll('-', ''), options);
  return !fresh.ok || lagMs > fresh.facts.lagMs + (performance.now() - started) + CLOCKS_MS;
}

export type SearchOutcome =
  | {
      outcome: 'found';
      entries: readonly [Payment, ...Payment[]];
      /** Not null when a later page could not be read: there may be more entries than these. */
      unread: Failed | null;
    }
  | (Exclude<FindOutcome, { outcome: 'found' | 'several' | 'differs' }> & { refusal?: Failed['refusal'] });

/** Searches for the entries that carry our payment id, the earliest first. */
export async function searchPosting(
  connection: FhirConnection,
  { paymentId }: Pick<FindHints, 'paymentId'>,
  options: CallOptions,
): Promise<SearchOutcome> {
  const { baseUrl } = connection.session;
  const system = connection.settings.payment_identifier_system;
  const result = await searchFor(connection, paymentId, options);
  const { value: matches } = result;
  const [earliest, ...later] = matches
    .filter((entry) => carriesOurId(entry, { system, paymentId }))
    .sort(
      (a, b) =>
        (a.created ?? '').localeCompare(b.created ?? '') || a.id.localeCompare(b.id, 'en', { numeric: true }),
    );
  if (earliest !== undefined)
    return { outcome: 'found', entries: [earliest, ...later], unread: result.ok ? null : result };
  if (!result.ok) return { outcome: 'unavailable', ...result.trouble, refusal: result.refusal };
  const { facts } = result;
  return absent({
    ...facts,
    matches: matches.length,
    // Entries of other payments only: the server ignored our search parameter.
    searchHonoured:
      facts.searchHonoured && matches.length === 0 && didOurSearch(facts, { baseUrl, system, paymentId }),
    servedFromCache: facts.servedFromCache || (await isOld(connection, facts, options)),
  });
}

/**
 * Searches for the entries that carry our payment id and judges them by their sum. An entry that a person has voided counts as
 * found too. One that is the payment counts although a later page cannot be read: nothing may be sent again.
 */
export async function findPosting(
  connection: FhirConnection,
  hints: Omit<FindHints, 'sentAt'>,
  options: CallOptions,
): Promise<FindOutcome> {
  const search = await searchPosting(connection, hints, options);
  if (search.outcome === 'absent') return search;
  if (search.outcome === 'unavailable') {
    // The server's own words are for the operator who checks a connection, not for a payment.
    const { refusal: _, ...unavailable } = search;
    return unavailable;
  }
  const { entries, unread } = search;
  const { amountOf, differenceOf } = connection.payments;
  const rows = entries.map((entry) => ({ id: entry.id, amount: amountOf(entry) }));
  const ours = entries.find((entry) => differenceOf(hints, entry) === null);
  if (unread !== null && ours === undefined) return { outcome: 'unavailable', ...unread.trouble };
  if (ours !== undefined && (unread !== null || entries.length === 1))
    return judgeRows({ rows: [{ id: ours.id, amount: hints.amount }], amount: hints.amount });
  const [first] = entries;
  const difference = differenceOf(hints, first);
  if (entries.length === 1 && difference !== null)
    return { outcome: 'differs', emrTransactionId: first.id, difference };
  // Rows of another patient or day are no parts of the payment: their sum proves nothing.
  const parts = entries.every((entry) => differenceOf({ ...hints, amount: amountOf(entry) }, entry) === null);
  const judged = judgeRows({ rows: rows as [FoundRow, ...FoundRow[]], amount: hints.amount });
  return parts || judged.outcome !== 'found' ? judged : { ...judged, outcome: 'several' };
}
