import { absent } from '../absence.ts';
import type { CallOptions } from '../calls.ts';
import { judgeRows } from '../judge-rows.ts';
import type { FindHints, FindOutcome, FoundRow } from '../posting.ts';
import type { FhirConnection } from './connection.ts';
import type { Failed } from './read.ts';
import { carriesOurId, type Payment, paymentSchema } from './resources.ts';
import { evidenceOf, searchIdentifier } from './search-identifier.ts';

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
  const system = connection.settings.payment_identifier_system;
  const { type } = connection.payments;
  const search = { type, schema: paymentSchema(type), system, value: paymentId };
  const result = await searchIdentifier(connection, search, options);
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
  // Entries of other payments only: the server ignored our search parameter.
  const found = { facts: result.facts, matches: matches.length, honoured: matches.length === 0 };
  return absent(await evidenceOf(connection, { search, ...found }, options));
}

/**
 * Searches for the entries that carry our payment id and judges them by their sum. An entry that was voided
 * is not absent: it differs. One that is the payment counts although a later page cannot be read: nothing may be sent again.
 */
export async function findPosting(
  connection: FhirConnection,
  hints: Omit<FindHints, 'sentAt' | 'leftBy'>,
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
