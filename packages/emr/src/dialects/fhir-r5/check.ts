import type { CheckOutcome } from '../../adapter.ts';
import { isTrouble } from '../../names/list-cache.ts';
import { findPayment } from './find-payment.ts';
import { fetchLists } from './lists.ts';
import type { FhirConnection } from './settings.ts';

/** No payment of ours has it: version 7 and the variant are set in every real one. */
const NO_PAYMENT = '0'.repeat(32);

/**
 * Whether payments could be posted: the practice's lists can be read and are not empty, and the search by our payment
 * id, on which promises depend, answers. Whether the credentials may also write shows with the first payment.
 */
export async function checkFhirConnection(fhir: FhirConnection, signal: AbortSignal): Promise<CheckOutcome> {
  const lists = await fetchLists(fhir, signal);
  if (isTrouble(lists)) return { ok: false, reason: lists.detail };
  const { methods, locations } = lists;
  if (methods.length === 0) {
    const valueSet = fhir.settings.payment_method_value_set;
    return { ok: false, reason: `The EMR lists no payment method in the ValueSet ${valueSet}.` };
  }
  if (locations.length === 0) return { ok: false, reason: 'The EMR lists no location.' };
  if (fhir.settings.search) {
    const found = await findPayment(fhir, NO_PAYMENT, { signal });
    if (found.outcome === 'unavailable') {
      return { ok: false, reason: `Payments cannot be searched for: ${found.detail}` };
    }
  }
  return { ok: true, methods: methods.length, locations: locations.length };
}
