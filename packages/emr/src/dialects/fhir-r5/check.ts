import { type CallOptions, type CheckOutcome, isTrouble } from '../../adapter.ts';
import { searchPosting } from './find-posting.ts';
import { fetchLists } from './lists.ts';
import type { FhirConnection } from './settings.ts';

/** No payment of ours has this id: in a real one, the bits of the UUID's version and variant are set. */
const NO_PAYMENT = '0'.repeat(32);

/**
 * Checks what posting needs and can be tried without writing: the practice's lists can be read and are not empty, and
 * the EMR answers a search by payment id, on which exactly-once posting depends. Whether the credentials permit writing
 * is known only after the first payment.
 */
export async function checkFhirConnection(fhir: FhirConnection, options: CallOptions): Promise<CheckOutcome> {
  const lists = await fetchLists(fhir, options);
  if (isTrouble(lists)) return { ok: false, reason: lists.detail };
  const { methods, locations, unusable } = lists;
  if (methods.length === 0) {
    const valueSet = fhir.settings.payment_method_value_set;
    return { ok: false, reason: `The EMR lists no payment method in the ValueSet ${valueSet}.` };
  }
  if (locations.length === 0) return { ok: false, reason: 'The EMR lists no location.' };
  if (fhir.settings.search) {
    const found = await searchPosting(fhir, { paymentId: NO_PAYMENT }, options);
    if (found.outcome === 'unavailable') {
      const remedy =
        found.code === 'search_not_honoured' ? ' The connection should have the setting search: false.' : '';
      return { ok: false, reason: `Payments cannot be searched for: ${found.detail}${remedy}` };
    }
  }
  return { ok: true, methods: methods.length, locations: locations.length, unusable };
}
