import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { readCents } from '../../amounts.ts';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { isOfAnother } from '../../note-marker.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { FORM, type OpenDentalRefusal } from './refusal-form.ts';
import { Key, keyText } from './rows.ts';

/** The created payment. Its other fields matter to a look-up only. */
const CreatedSchema = Type.Object({
  PayNum: Key,
  PatNum: Type.Optional(Key),
  PayAmt: Type.Optional(Type.Union([Type.String(), Type.Number()])),
  PayDate: Type.Optional(Type.String()),
  PayNote: Type.Optional(Type.String()),
});

/** Words a refusal: what the EMR refuses, and the field of ours that it names. */
function refusal({ code, ours }: OpenDentalRefusal, { status, body }: Answer): PostOutcome {
  const about = ours === null ? sentence`` : sentence`, about ${ours}`;
  const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}${about}.`;
  return { outcome: 'refused', code, reason, ...ownWords(body) };
}

/** Reads the key from `Location`: "typically returns a location header and the object" (https://www.opendental.com/site/apispecification.html). */
const keyInLocation = ({ headers }: Answer) => /\/payments\/(\d{1,19})\/?$/.exec(headers.location ?? '')?.[1];

type Sent = Pick<Posting, 'paymentId' | 'emrPatientId' | 'amount' | 'depositDate'>;

function created(answer: Answer, posting: Sent): PostOutcome | null {
  const body = readJsonAs(CreatedSchema, answer.body);
  const emrTransactionId = body === null ? keyInLocation(answer) : keyText(body.PayNum);
  if (emrTransactionId === undefined) return null;
  if (body?.PatNum !== undefined && keyText(body.PatNum) !== posting.emrPatientId)
    return { outcome: 'differs', emrTransactionId, difference: sentence`another patient` };
  if (body?.PayAmt !== undefined && readCents(body.PayAmt) !== readCents(posting.amount))
    return { outcome: 'differs', emrTransactionId, difference: sentence`another amount` };
  if (body?.PayDate !== undefined && !body.PayDate.startsWith(posting.depositDate))
    return { outcome: 'differs', emrTransactionId, difference: sentence`another deposit date` };
  if (body?.PayNote !== undefined && isOfAnother(body.PayNote, posting))
    return { outcome: 'differs', emrTransactionId, difference: sentence`another payment id` };
  return { outcome: 'posted', emrTransactionId };
}

/**
 * Decides what the answer to a send proves. Documented are 201, refusals (`FORM`), and 504
 * (https://www.opendental.com/site/apipayments.html, https://www.opendental.com/site/apispecification.html). A 202 says that the request was
 * taken. Any other answer is `unknown`, and the payment is looked up.
 */
export function classifyPost(result: Answer | NoAnswer, posting: Sent): PostOutcome {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  const { status, body } = answer;
  if (judged.verdict === 'refused') return refusal(judged.refusal, answer);
  if (status === 201 || status === 202) {
    const detail = sentence`${trouble.detail} It did not name the entry.`;
    const entry = status === 201 ? created(answer, posting) : null;
    return entry ?? { outcome: 'accepted', detail, ...ownWords(body) };
  }
  const detail = sentence`The EMR's answer is not one that its documentation has (HTTP ${status}).`;
  return { ...trouble, outcome: 'unknown', code: 'bad_answer', detail };
}
