import { type FailedCode, sentence } from '@emr-payments/contracts';
import { judgePost } from '../http/evidence.ts';
import type { Answer, NoAnswer } from '../http/exchange.ts';
import type { PostOutcome } from '../posting.ts';
import type { Trouble } from '../trouble.ts';
import { idIn } from './entry-id.ts';
import type { PaymentResource } from './payment-resource.ts';
import { refusalCode, refusalReason, wordsOf } from './refusal.ts';
import { FORM } from './refusal-form.ts';
import { remarksOf } from './remarks.ts';
import {
  AnyResourceSchema,
  createdSchema,
  OperationOutcomeSchema,
  type Payment,
  parseAs,
  paymentSchema,
} from './resources.ts';

/** The two codes with which the table of statuses refuses. */
const refusedAs = ({ code }: Trouble): FailedCode =>
  code === 'connection_misconfigured' ? code : 'emr_refused';

/** True when the answer's body is an OperationOutcome that reports an error, against its status. */
function saysError({ body }: Answer): boolean {
  const outcome = parseAs(OperationOutcomeSchema, body);
  return outcome !== null && remarksOf(outcome).errorSaid;
}

/**
 * True when an answer without an entry says that the EMR has taken the request: a status that says so, or a plain 200 of the
 * FHIR server itself, with a resource or, as `return=minimal` permits, without a body. A gateway's page says nothing.
 */
function tookIt(answer: Answer): boolean {
  if (answer.status === 202) return true;
  if (saysError(answer)) return false;
  return (
    answer.status !== 200 || answer.body.trim() === '' || parseAs(AnyResourceSchema, answer.body) !== null
  );
}

/** Reads the entry that a create's answer names: the resource in its body, else `Location`, else `Content-Location`. */
function namedEntry({ type }: PaymentResource, { body, headers }: Answer): string | undefined {
  return (
    parseAs(createdSchema(type), body)?.id ??
    idIn(type, headers.location) ??
    idIn(type, headers['content-location'])
  );
}

/**
 * The answer names an entry that has to be compared with the payment. It shows the entry that this send created, or it does not say that
 * this send created it: a conditional create found it, or the EMR found it by itself, or it is still to come (202).
 */
export type Exists = {
  outcome: 'exists';
  emrTransactionId: string;
  /** The entry, where a 200 or 201 holds it whole; null when it has to be read. */
  entry: Payment | null;
  /** True when the answer says that this send created it. The entry is there then. */
  created: boolean;
  /** True when the status says that the EMR took the request, and not that the entry is there already. */
  toCome: boolean;
};

/**
 * Decides what a create of a payment proves, by its status, its form (`FORM`) and its body. No other function for FHIR servers chooses
 * among the outcomes.
 *
 * `refused` is about this one send. It says nothing about an earlier send of the same payment.
 */
export function classifyPost(
  { payments }: { payments: PaymentResource },
  result: Answer | NoAnswer,
): PostOutcome | Exists {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  const { status, body } = answer;
  if (judged.verdict === 'refused') {
    const outcome = judged.refusal;
    const code = refusalCode(payments, outcome) ?? refusedAs(trouble);
    const reason = refusalReason(payments, { outcome, code, status });
    return { outcome: 'refused', code, reason, ...wordsOf(body) };
  }
  const emrTransactionId = namedEntry(payments, answer);
  if (emrTransactionId !== undefined) {
    const created = status === 201 && !saysError(answer);
    const shown = status === 200 || created ? parseAs(paymentSchema(payments.type), body) : null;
    const entry = shown !== null && 'amount' in shown ? shown : null;
    if (created && entry === null) return { outcome: 'posted', emrTransactionId };
    return { outcome: 'exists', emrTransactionId, entry, created, toCome: status > 201 };
  }
  const detail = sentence`${trouble.detail} It did not name the entry.`;
  return tookIt(answer)
    ? { outcome: 'accepted', detail, ...wordsOf(body) }
    : { outcome: 'unknown', code: 'bad_answer', detail, ...wordsOf(body) };
}
