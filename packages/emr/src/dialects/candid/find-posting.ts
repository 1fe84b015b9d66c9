import { absent } from '../../absence.ts';
import type { CallOptions } from '../../calls.ts';
import { judgeEntries, type OurEntry } from '../../judge-entries.ts';
import type { FindHints, FindOutcome } from '../../posting.ts';
import { amountOf, differencesOf } from './payment.ts';
import { searchPayments } from './search.ts';
import type { Candid } from './settings.ts';

/** Searches by our id, which is `source_internal_id`, checks every payment of the answer, and judges those that carry it by their sum. */
export async function findPosting(
  { session }: Pick<Candid, 'session'>,
  hints: FindHints,
  options: CallOptions,
): Promise<FindOutcome> {
  const search = await searchPayments(session, hints, options);
  const [first, ...others] = search.payments
    .filter(({ source_internal_id }) => source_internal_id === hints.paymentId)
    .map(
      (payment): OurEntry => ({
        id: payment.patient_payment_id,
        amount: amountOf(payment),
        differences: differencesOf(payment, hints),
      }),
    );
  if (first !== undefined) {
    const judged = judgeEntries({ entries: [first, ...others], amount: hints.amount });
    // With pages unread there may be more, but what is the payment by itself is not sent again.
    if (search.ok || judged.outcome === 'found') return judged;
  }
  if (!search.ok) return { outcome: 'unavailable', ...search.trouble };
  return absent({
    entriesSeen: search.entriesSeen,
    entriesUnderstood: search.entriesUnderstood,
    perhapsOurs: 0,
    matches: search.payments.length,
    total: null,
    complete: true,
    errorSaid: false,
    // Payments with other ids: the search was for something else.
    searchHonoured: search.payments.length === 0,
    servedFromCache: search.servedFromCache,
  });
}
