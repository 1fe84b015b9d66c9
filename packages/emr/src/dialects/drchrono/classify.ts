import { FAILURE_CODES, type FailedCode, joined, sentence, wordIn } from '@emr-payments/contracts';
import { readCents } from '../../amounts.ts';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { isOfAnother } from '../../note-marker.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { centsOf, RowSchema } from './payment.ts';
import { type DrChronoRefusal, FIELDS, FORM } from './refusal-form.ts';
import { wordsIn } from './words.ts';

/** The fields that we send. A complaint about the date that we send in its right form is about the period. */
const CODE_BY_FIELD: ReadonlyMap<string, FailedCode> = new Map([
  ['patient', 'unknown_patient'],
  ['payment_method', 'unknown_payment_method'],
  ['received_date', 'closed_period'],
  ['amount', 'amount_refused'],
  // The doctor is a setting of the connection.
  ['doctor', 'connection_misconfigured'],
]);

/** Names what DrChrono refuses: the payment, by its fields, or the request, which the connection's settings make. */
function refusal({ fields }: DrChronoRefusal, { status, body }: Answer): PostOutcome {
  const byField = fields.map((name) => CODE_BY_FIELD.get(name)).find((each) => each !== undefined);
  const code = status === 400 ? (byField ?? 'emr_refused') : 'connection_misconfigured';
  const shown = fields.map((name) => wordIn(FIELDS, name)).filter((name) => name !== null);
  const about = shown.length === 0 ? sentence`.` : sentence`, about ${joined(shown, ' and ')}.`;
  return {
    outcome: 'refused',
    code,
    reason: sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}${about}`,
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
    ...((row.received_date ?? posting.depositDate).startsWith(posting.depositDate)
      ? []
      : [sentence`another deposit date`]),
    ...(isOfAnother(row.notes ?? '', posting) ? [sentence`another payment id`] : []),
  ];
  if (differences.length === 0) return { outcome: 'posted', emrTransactionId };
  return { outcome: 'differs', emrTransactionId, difference: joined(differences, ' and ') };
}

/**
 * Decides what the answer to a create proves. DrChrono documents 201 with the entry, and errors in two forms (`FORM`); what it does not
 * document proves nothing.
 */
export function classifyPost(result: Answer | NoAnswer, posting: Posting): PostOutcome {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  if (judged.verdict === 'refused') return refusal(judged.refusal, answer);
  if (answer.status === 201) return created(answer, posting);
  const detail = sentence`${trouble.detail} It did not name the entry.`;
  return answer.status === 202
    ? { outcome: 'accepted', detail, ...ownWords(wordsIn(answer.body)) }
    : { ...trouble, outcome: 'unknown', code: 'bad_answer', detail };
}
