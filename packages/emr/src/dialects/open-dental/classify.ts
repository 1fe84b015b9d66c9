import { FAILURE_CODES, type FailedCode, type OurSentence, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { Posting, PostOutcome } from '../../adapter.ts';
import { readCents } from '../../amounts.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { Key, keyText } from './rows.ts';

/** The created payment. Its other fields matter to a look-up only. */
const CreatedSchema = Type.Object({
  PayNum: Key,
  PatNum: Type.Optional(Key),
  PayAmt: Type.Optional(Type.Union([Type.String(), Type.Number()])),
});

/** The vendor's names of the fields that we send, as its explanations may name them. */
const FIELDS: readonly { named: RegExp; code: FailedCode; ours: OurSentence }[] = [
  { named: /\bPatNum\b|\bpatient\b/i, code: 'unknown_patient', ours: sentence`patient_mrn` },
  { named: /\bPayType\b/i, code: 'unknown_payment_method', ours: sentence`payment_method` },
  { named: /\bClinicNum\b/i, code: 'unknown_location', ours: sentence`location` },
  { named: /\bPayAmt\b/i, code: 'amount_refused', ours: sentence`amount` },
  { named: /\bPayDate\b.*\block/is, code: 'closed_period', ours: sentence`deposit_date` },
  { named: /\bPayDate\b/i, code: 'emr_refused', ours: sentence`deposit_date` },
  { named: /\bCheckNum\b/i, code: 'emr_refused', ours: sentence`reference_number` },
  { named: /\bPayNote\b/i, code: 'emr_refused', ours: sentence`notes` },
];

/** The words by which the API says that it does not know the address, and not that it refuses a payment. */
export const NO_SUCH_CALL = /\bis not a valid (?:resource|method)\b/i;

/** An explanation "as plain text": not a gateway's page, not JSON, not nothing. */
export function isExplanation({ body, headers }: Answer): boolean {
  const text = body.trim();
  return text !== '' && !/^[<{[]/.test(text) && !/html/i.test(String(headers['content-type'] ?? ''));
}

/** Reads a refusal. 400 is "Missing or invalid fields", 404 "Patient not found" (https://www.opendental.com/site/apipayments.html). */
function refusal({ status, body }: Answer): PostOutcome {
  const field = NO_SUCH_CALL.test(body) ? undefined : FIELDS.find(({ named }) => named.test(body));
  const code = field?.code ?? (NO_SUCH_CALL.test(body) ? 'connection_misconfigured' : 'emr_refused');
  const about = field === undefined ? sentence`` : sentence`, about ${field.ours}`;
  const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}${about}.`;
  return { outcome: 'refused', code, reason, ...ownWords(body) };
}

/** Reads the key from `Location`: "typically returns a location header and the object" (https://www.opendental.com/site/apispecification.html). */
const keyInLocation = ({ headers }: Answer) => /\/payments\/(\d{1,19})\/?$/.exec(headers.location ?? '')?.[1];

function created(answer: Answer, posting: Pick<Posting, 'emrPatientId' | 'amount'>): PostOutcome | null {
  const body = readJsonAs(CreatedSchema, answer.body);
  const emrTransactionId = body === null ? keyInLocation(answer) : keyText(body.PayNum);
  if (emrTransactionId === undefined) return null;
  if (body?.PatNum !== undefined && keyText(body.PatNum) !== posting.emrPatientId)
    return { outcome: 'differs', emrTransactionId, difference: sentence`another patient` };
  if (body?.PayAmt !== undefined && readCents(body.PayAmt) !== readCents(posting.amount))
    return { outcome: 'differs', emrTransactionId, difference: sentence`another amount` };
  return { outcome: 'posted', emrTransactionId };
}

/**
 * Decides what the answer to a send proves. Documented are 201, 400 and 404 with an explanation, 429 and 504
 * (https://www.opendental.com/site/apipayments.html, https://www.opendental.com/site/apispecification.html). Any other answer is `unknown`,
 * except 401 and 403, which reject the keys, and 202, which says that the request was taken.
 */
export function classifyPost(
  result: Answer | NoAnswer,
  posting: Pick<Posting, 'emrPatientId' | 'amount'>,
): PostOutcome {
  if (result.kind === 'no_answer')
    return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
  const { status } = result;
  const { verdict, trouble } = judgeStatus(result);
  if (status === 201 || status === 202) {
    const detail = sentence`${trouble.detail} It did not name the entry.`;
    return (
      (status === 201 ? created(result, posting) : null) ?? {
        outcome: 'accepted',
        detail,
        ...ownWords(result.body),
      }
    );
  }
  if ((status === 400 || status === 404) && isExplanation(result)) return refusal(result);
  if (verdict === 'accepted' || verdict === 'refused') {
    const detail = sentence`The EMR's answer is not one that its documentation has (HTTP ${status}).`;
    const code = verdict === 'accepted' ? 'bad_answer' : 'unexpected_status';
    return { ...trouble, outcome: 'unknown', code, detail };
  }
  return { outcome: verdict, ...trouble };
}
