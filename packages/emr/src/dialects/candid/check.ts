import { sentence } from '@emr-payments/contracts';
import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { refusalSentence, wordsFor } from '../../http/refusal-sentence.ts';
import { LISTS } from './lists.ts';
import { PAYMENTS, searchPayments } from './search.ts';
import type { Candid } from './settings.ts';

/** No payment of ours has this id: in a real one, the bits of the UUID's version and variant are set. */
const NO_PAYMENT = '0'.repeat(32);

/**
 * Checks the credentials and the search by payment id, on which exactly-once posting depends. Whether they also permit writing is
 * known only after the first payment.
 */
export async function checkCandid({ session, secrets }: Candid, options: CallOptions): Promise<CheckOutcome> {
  const search = await searchPayments(session, { paymentId: NO_PAYMENT }, options);
  const request = `GET ${PAYMENTS}`;
  if (!search.ok) {
    const { status, words, trouble } = search;
    return failedCheck(
      refusalSentence({ request, status, words: wordsFor(words, secrets) }, trouble),
      trouble,
    );
  }
  if (search.entriesSeen > 0) {
    const reason = `${request} does not search by source_internal_id: it gave payments with other ids.`;
    const detail = sentence`The EMR does not search for payments as it was asked to.`;
    return { ok: false, reason, trouble: { code: 'search_not_honoured', detail } };
  }
  return {
    ok: true,
    methods: LISTS.methods.length,
    locations: null,
    unusable: [],
    settings: {},
    statement: {},
    remarks: [],
  };
}
