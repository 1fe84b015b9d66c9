import { type FailedCode, type OurSentence, sentence } from '@emr-payments/contracts';
import type { Complaint, RefusalForm } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';

/** The vendor's names of the fields that we send, as its explanations may name them. */
const FIELDS: readonly { named: RegExp; code: FailedCode; ours: OurSentence | null }[] = [
  // "Patient not found" (https://www.opendental.com/site/apipayments.html). A gateway's text may speak of patients in another way: "The
  // response contains patient data and is invalid."
  {
    named: /\bPatNum\b|\bpatient(?: \d+| is| was| has been)? (?:not found|invalid|deleted|does not exist)\b/i,
    code: 'unknown_patient',
    ours: sentence`patient_mrn`,
  },
  { named: /\bPayType\b/, code: 'unknown_payment_method', ours: sentence`payment_method` },
  { named: /\bClinicNum\b/, code: 'unknown_location', ours: sentence`location` },
  { named: /\bPayAmt\b/, code: 'amount_refused', ours: sentence`amount` },
  { named: /\bPayDate\b.*\block/s, code: 'closed_period', ours: sentence`deposit_date` },
  { named: /\bPayDate\b/, code: 'emr_refused', ours: sentence`deposit_date` },
  { named: /\bCheckNum\b/, code: 'emr_refused', ours: sentence`reference_number` },
  { named: /\bPayNote\b/, code: 'emr_refused', ours: sentence`notes` },
  { named: /\bisPatientPreferred\b/, code: 'emr_refused', ours: null },
];

/** The words by which the API says that it does not know the address, and not that it refuses a payment. */
export const NO_SUCH_CALL = /\bis not a valid (?:resource|method)\b/i;

/** Longer than any explanation. A body of a megabyte is none, and is not searched. */
const LONGEST_EXPLANATION = 2000;

/** An explanation "as plain text": not a gateway's page, not JSON, not nothing. */
export function isExplanation({ body, headers }: Answer): boolean {
  if (body.length > LONGEST_EXPLANATION) return false;
  const text = body.trim();
  return text !== '' && !/^[<{[]/.test(text) && !/html/i.test(String(headers['content-type'] ?? ''));
}

export type OpenDentalRefusal = { code: FailedCode; ours: OurSentence | null };

function complaint(answer: Answer): Complaint<OpenDentalRefusal> | null {
  if (!isExplanation(answer)) return null;
  if (NO_SUCH_CALL.test(answer.body))
    return { kind: 'refusal', refusal: { code: 'connection_misconfigured', ours: null } };
  const field = FIELDS.find(({ named }) => named.test(answer.body));
  return field === undefined ? null : { kind: 'refusal', refusal: { code: field.code, ours: field.ours } };
}

/**
 * Open Dental documents 400 "Missing or invalid fields" and 404 "Patient not found", each with an explanation as plain text
 * (https://www.opendental.com/site/apipayments.html), and 429 with Retry-After (https://www.opendental.com/site/apispecification.html). A
 * gateway writes plain text as well, so an explanation is one only when it names a field of the payment or the call. 401 has no
 * documented form, and 403 is not documented at all.
 */
export const FORM: RefusalForm<OpenDentalRefusal> = {
  refuses: [400, 404],
  unauthorized: 'status',
  forbidden: 'never',
  throttled: ({ headers }) => headers['retry-after'] !== undefined,
  complaint,
  words: (body) => body,
};
