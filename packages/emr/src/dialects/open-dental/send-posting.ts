import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import type { PostOptions } from '../../calls.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import { checkNum, payNote } from './pay-note.ts';
import type { OpenDentalConnection } from './settings.ts';

/** Enough for the answer to a create: the payment with its note, or an explanation. */
const MAX_ANSWER_BYTES = 256 * 1024;

const KEY = /^[1-9]\d{0,18}$/;

/**
 * Writes the body of `POST /payments` (https://www.opendental.com/site/apipayments.html). Keys are written as their digits, because a
 * key of 19 digits is no number of JavaScript. The amount is text, as in the page's first example. Without `isPatientPreferred` the
 * payment would be spread over the charges of the whole family; booleans are text in this API. `ClinicNum` is text in the page's
 * example.
 */
export function paymentBody(posting: Posting): string {
  const { emrPatientId, method, location, amount, depositDate, referenceNumber } = posting;
  const fields = {
    PatNum: emrPatientId,
    PayType: method.id,
    PayAmt: JSON.stringify(amount),
    PayDate: JSON.stringify(depositDate),
    CheckNum: JSON.stringify(checkNum(referenceNumber)),
    PayNote: JSON.stringify(payNote(posting)),
    // An office without clinics has no place for a location.
    ...(location.id === '' ? {} : { ClinicNum: JSON.stringify(location.id) }),
    isPatientPreferred: '"true"',
  };
  return `{${Object.entries(fields)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`;
}

/** Sends one create, once. */
export async function sendPosting(
  { session }: OpenDentalConnection,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  if (!KEY.test(posting.emrPatientId)) {
    const reason = sentence`${FAILURE_CODES.unknown_patient.says} The id of the patient is not a PatNum.`;
    return { outcome: 'refused', code: 'unknown_patient', reason };
  }
  if (!KEY.test(posting.method.id)) {
    const reason = sentence`${FAILURE_CODES.unknown_payment_method.says} Its id is not a DefNum.`;
    return { outcome: 'refused', code: 'unknown_payment_method', reason };
  }
  const result = await session.send(
    {
      path: '/payments',
      maxAnswerBytes: MAX_ANSWER_BYTES,
      body: { contentType: 'application/json', text: paymentBody(posting) },
    },
    options,
  );
  return classifyPost(result, posting);
}
