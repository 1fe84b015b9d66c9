import { FAILURE_CODES, joined, sentence, wordIn } from '@emr-payments/contracts';
import { readCents } from '../../amounts.ts';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { amountOf, differencesOf, PaymentSchema } from './payment.ts';
import { FORM } from './refusal-form.ts';
import { type CandidError, wordsIn } from './words.ts';

const NAMES = ['EntityNotFoundError', 'UnprocessableEntityError'] as const;

function refusal(error: CandidError, { status, body }: Answer, posting: Posting): PostOutcome {
  // The patient is the only entity of Candid's that a payment names.
  const isPatient = error.errorName === 'EntityNotFoundError' && error.content?.id === posting.emrPatientId;
  const code = isPatient ? 'unknown_patient' : 'emr_refused';
  const name = wordIn(NAMES, error.errorName) ?? sentence`an error`;
  return {
    outcome: 'refused',
    code,
    reason: sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}, ${name}.`,
    ...ownWords(wordsIn(body)),
  };
}

/** Judges a 200, the documented success: it must name the payment, and the payment must be ours. */
function created(answer: Answer, posting: Posting): PostOutcome {
  const payment = readJsonAs(PaymentSchema, answer.body);
  if (payment === null) {
    const detail = sentence`The EMR accepted the request and did not name the entry.`;
    return { outcome: 'unknown', code: 'bad_answer', detail, ...ownWords(answer.body) };
  }
  const { patient_payment_id: emrTransactionId, source_internal_id: key = posting.paymentId } = payment;
  const differences = [
    ...(key === posting.paymentId ? [] : [sentence`another payment id`]),
    ...(readCents(amountOf(payment)) === readCents(posting.amount) ? [] : [sentence`another amount`]),
    ...differencesOf({ payment_timestamp: `${posting.depositDate}T12:00:00Z`, ...payment }, posting),
  ];
  if (differences.length === 0) return { outcome: 'posted', emrTransactionId };
  return { outcome: 'differs', emrTransactionId, difference: joined(differences, ' and ') };
}

/**
 * Decides what the answer to a create proves. Candid documents 200 with the payment, and errors by name (`FORM`); what it does not
 * document proves nothing.
 */
export function classifyPost(result: Answer | NoAnswer, posting: Posting): PostOutcome {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  if (judged.verdict === 'refused') return refusal(judged.refusal, answer, posting);
  if (answer.status === 200) return created(answer, posting);
  const detail = sentence`${trouble.detail} It did not name the entry.`;
  return answer.status === 202
    ? { outcome: 'accepted', detail, ...ownWords(wordsIn(answer.body)) }
    : { ...trouble, outcome: 'unknown', code: 'bad_answer', detail };
}
