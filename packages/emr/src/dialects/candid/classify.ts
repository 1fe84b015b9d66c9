import { FAILURE_CODES, joined, sentence, wordIn } from '@emr-payments/contracts';
import type { Posting, PostOutcome } from '../../adapter.ts';
import { readCents } from '../../amounts.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { amountOf, PaymentSchema } from './payment.ts';
import { errorOf, withWords, wordsIn } from './words.ts';

/** The documented refusals of a create, each with its status. A 403 is no refusal of a payment: rights can be given. */
const REFUSALS = [
  { status: 404, errorName: 'EntityNotFoundError' },
  { status: 422, errorName: 'UnprocessableEntityError' },
] as const;
const NAMES = ['EntityNotFoundError', 'UnprocessableEntityError'] as const;

function refusalOf({ status, body }: Answer, posting: Posting): PostOutcome | null {
  const error = errorOf(body);
  const known = REFUSALS.some((each) => each.status === status && each.errorName === error?.errorName);
  if (error === null || !known) return null;
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
    ...(payment.patient_external_id === posting.emrPatientId ? [] : [sentence`another patient`]),
  ];
  if (differences.length === 0) return { outcome: 'posted', emrTransactionId };
  return { outcome: 'differs', emrTransactionId, difference: joined(differences, ' and ') };
}

/**
 * Decides what the answer to a create proves. Candid documents 200 with the payment, and 403, 404 and 422 with an error by name
 * (https://docs.joincandidhealth.com/api-reference/patient-payments/v-4/create); what it does not document proves nothing.
 */
export function classifyPost(result: Answer | NoAnswer, posting: Posting): PostOutcome {
  if (result.kind === 'no_answer')
    return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
  const judged = judgeStatus(result);
  const trouble = withWords(judged.trouble, result);
  switch (judged.verdict) {
    case 'accepted': {
      if (result.status === 200) return created(result, posting);
      const detail = sentence`${trouble.detail} It did not name the entry.`;
      return result.status === 202
        ? { outcome: 'accepted', detail, ...ownWords(wordsIn(result.body)) }
        : { ...trouble, outcome: 'unknown', code: 'bad_answer', detail };
    }
    case 'refused': {
      const refused = refusalOf(result, posting);
      if (refused !== null) return refused;
      const detail = sentence`${trouble.detail} The answer has not the form of a refusal of this EMR.`;
      return { ...trouble, outcome: 'unknown', code: 'answer_not_understood', detail };
    }
    default:
      return { outcome: judged.verdict, ...trouble };
  }
}
