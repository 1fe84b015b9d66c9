import { absent } from '../../absence.ts';
import type { CallOptions, FindHints, FindOutcome } from '../../adapter.ts';
import { differenceOf } from './compare-entry.ts';
import { readAll, type SearchFacts } from './read.ts';
import { carriesOurId, type Payment, PaymentReconciliationSchema } from './resources.ts';
import type { FhirConnection } from './settings.ts';

/** Parameters that change how results are given, and not which. */
const PRESENTATION =
  /^_(?:count|elements|format|include|maxresults|offset|page|pretty|revinclude|sort|summary|total)(?::|$)/;

/**
 * True unless the server says, in the self link that R5 demands, that it did another search: without our identifier, or with a
 * filter that we did not ask for. A server without the link proves nothing by that.
 */
function didOurSearch(
  { selfLink }: SearchFacts,
  { baseUrl, paymentId }: { baseUrl: string; paymentId: string },
): boolean {
  if (selfLink === undefined) return true;
  if (!URL.canParse(selfLink, `${baseUrl}/`)) return false;
  const parameters = [...new URL(selfLink, `${baseUrl}/`).searchParams].filter(
    ([name]) => !PRESENTATION.test(name),
  );
  const [[name, value] = ['', '']] = parameters;
  return parameters.length === 1 && name === 'identifier' && value.endsWith(paymentId);
}

export type SearchOutcome =
  | { outcome: 'found'; entries: readonly [Payment, ...Payment[]] }
  | Exclude<FindOutcome, { outcome: 'found' | 'differs' }>;

/** Searches for the entries that carry our payment id, the earliest first. */
export async function searchPosting(
  connection: FhirConnection,
  { paymentId }: Pick<FindHints, 'paymentId'>,
  { signal }: CallOptions,
): Promise<SearchOutcome> {
  const { baseUrl, settings } = connection;
  const system = settings.payment_identifier_system;
  const query = new URLSearchParams({ identifier: `${system}|${paymentId}` });
  const result = await readAll(connection, {
    path: `PaymentReconciliation?${query}`,
    schema: PaymentReconciliationSchema,
    signal,
  });
  if (!result.ok) return { outcome: 'unavailable', ...result.trouble };

  const { value: matches, facts } = result;
  const [earliest, ...later] = matches
    .filter((entry) => carriesOurId(entry, { system, paymentId }))
    .sort(
      (a, b) =>
        (a.created ?? '').localeCompare(b.created ?? '') || a.id.localeCompare(b.id, 'en', { numeric: true }),
    );
  if (earliest !== undefined) return { outcome: 'found', entries: [earliest, ...later] };
  return absent({
    ...facts,
    matches: matches.length,
    // Entries of other payments only: the server ignored our search parameter.
    searchHonoured:
      facts.searchHonoured && matches.length === 0 && didOurSearch(facts, { baseUrl, paymentId }),
  });
}

/**
 * Searches for the entry that carries our payment id. If there are several, the earliest that is the payment is returned: the
 * payment has been posted, and nothing may be sent again. An entry that a person has voided counts as found too.
 */
export async function findPosting(
  connection: FhirConnection,
  hints: Omit<FindHints, 'sentAt'>,
  options: CallOptions,
): Promise<FindOutcome> {
  const search = await searchPosting(connection, hints, options);
  if (search.outcome !== 'found') return search;
  const compared = search.entries.map((entry) => ({ id: entry.id, difference: differenceOf(hints, entry) }));
  const ours = compared.find(({ difference }) => difference === null);
  if (ours !== undefined) return { outcome: 'found', emrTransactionId: ours.id };
  const [{ id, difference }] = compared as [{ id: string; difference: string }];
  return { outcome: 'differs', emrTransactionId: id, difference };
}
