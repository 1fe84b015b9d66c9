import { FAILURE_CODES, type FailedCode, joined, sentence, wordIn } from '@emr-payments/contracts';
import type { Posting, PostOutcome } from '../../adapter.ts';
import { readCents } from '../../amounts.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { centsOf, RowSchema } from './payment.ts';
import { fieldErrorsOf, saysDetail, withWords, wordsIn } from './words.ts';

/** The fields that we send. A complaint about the date that we send in its right form is about the period. */
const CODE_BY_FIELD: ReadonlyMap<string, FailedCode> = new Map([
  ['patient', 'unknown_patient'],
  ['payment_method', 'unknown_payment_method'],
  ['received_date', 'closed_period'],
  ['amount', 'amount_refused'],
  // The doctor is a setting of the connection.
  ['doctor', 'connection_misconfigured'],
]);
const FIELDS = [
  'patient',
  'payment_method',
  'received_date',
  'amount',
  'doctor',
  'trace_number',
  'notes',
  'payment_transaction_type',
  'appointment',
  'line_item',
  'non_field_errors',
] as const;

/** A refusal in the vendor's documented form: field errors. Null when the body has another one, such as a gateway's page. */
function refusalBy(
  fields: Readonly<Record<string, readonly string[]>> | null,
  body: string,
): PostOutcome | null {
  if (fields === null) return null;
  const names = Object.keys(fields);
  const code =
    names.map((name) => CODE_BY_FIELD.get(name)).find((each) => each !== undefined) ?? 'emr_refused';
  const shown = names.map((name) => wordIn(FIELDS, name)).filter((name) => name !== null);
  const about = shown.length === 0 ? sentence`.` : sentence`, about ${joined(shown, ' and ')}.`;
  return {
    outcome: 'refused',
    code,
    reason: sentence`${FAILURE_CODES[code].says} The EMR answered HTTP 400${about}`,
    ...ownWords(wordsIn(body)),
  };
}

/** Judges a 201: it is a success only when it names the entry, and the entry is the payment. */
function created(answer: Answer, posting: Posting): PostOutcome {
  const row = readJsonAs(RowSchema, answer.body);
  if (row === null) {
    const detail = sentence`The EMR said that it created an entry and did not name it.`;
    return { outcome: 'unknown', code: 'bad_answer', detail, ...ownWords(answer.body) };
  }
  const emrTransactionId = String(row.id);
  const differences = [
    ...(centsOf(row) === readCents(posting.amount) ? [] : [sentence`another amount`]),
    ...(String(row.patient) === posting.emrPatientId ? [] : [sentence`another patient`]),
  ];
  if (differences.length === 0) return { outcome: 'posted', emrTransactionId };
  return { outcome: 'differs', emrTransactionId, difference: joined(differences, ' and ') };
}

/**
 * Decides what the answer to a create proves. DrChrono documents 201 with the entry, 400 with field errors, and 401, 403, 404, 405,
 * 409, 429 and 500; what it does not document proves nothing (https://app.drchrono.com/api-docs/).
 */
export function classifyPost(result: Answer | NoAnswer, posting: Posting): PostOutcome {
  if (result.kind === 'no_answer')
    return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
  const { status, body } = result;
  const judged = judgeStatus(result);
  const trouble = withWords(judged.trouble, result);
  switch (judged.verdict) {
    case 'accepted': {
      if (status === 201) return created(result, posting);
      const detail = sentence`${trouble.detail} It did not name the entry.`;
      return status === 202
        ? { outcome: 'accepted', detail, ...ownWords(wordsIn(body)) }
        : { ...trouble, outcome: 'unknown', code: 'bad_answer', detail };
    }
    case 'refused': {
      const refused = status === 400 ? refusalBy(fieldErrorsOf(body), body) : null;
      if (refused !== null) return refused;
      if ((status === 404 || status === 405) && saysDetail(body)) {
        const code = 'connection_misconfigured';
        const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}.`;
        return { outcome: 'refused', code, reason, ...ownWords(wordsIn(body)) };
      }
      const detail = sentence`${trouble.detail} The answer has not the form of a refusal of this EMR.`;
      return { ...trouble, outcome: 'unknown', code: 'answer_not_understood', detail };
    }
    default:
      return { outcome: judged.verdict, ...trouble };
  }
}
