import { type FailedCode, type OurSentence, sentence } from '@emr-payments/contracts';
import type { PostOutcome, Trouble } from '../adapter.ts';
import { describeNoAnswer, judgeStatus } from '../http/evidence.ts';
import type { Answer, NoAnswer } from '../http/exchange.ts';
import { idIn } from './entry-id.ts';
import type { PaymentResource } from './payment-resource.ts';
import { refusalCode, refusalReason, wordsOf } from './refusal.ts';
import { remarksOf } from './remarks.ts';
import {
  AnyResourceSchema,
  createdSchema,
  OperationOutcomeSchema,
  type Payment,
  parseAs,
  paymentSchema,
} from './resources.ts';

/** The EMR has such an entry already or is processing one: that may come from an earlier send of ours. */
const CONFLICTS: ReadonlySet<string> = new Set(['duplicate', 'multiple-matches', 'conflict', 'lock-error']);
/**
 * The other transient issues (https://hl7.org/fhir/R5/valueset-issue-type.html): the EMR did not come to an end, or the same
 * request may succeed later. Some servers report them with a 4xx. They do not say that nothing was written.
 */
const FAILURES: ReadonlySet<string> = new Set([
  'transient',
  'exception',
  'timeout',
  'incomplete',
  'no-store',
  'throttled',
]);

/** The two codes with which the table of statuses refuses. */
const refusedAs = ({ code }: Trouble): FailedCode =>
  code === 'connection_misconfigured' ? code : 'emr_refused';

/** Adds the EMR's own words, as FHIR gives them, to a trouble. */
const withWords = (trouble: Trouble, { body }: Answer): Trouble => ({ ...trouble, ...wordsOf(body) });

/** True when the answer's body is an OperationOutcome that reports an error, against its status. */
function saysError({ body }: Answer): boolean {
  const outcome = parseAs(OperationOutcomeSchema, body);
  return outcome !== null && remarksOf(outcome).errorSaid;
}

/**
 * Finds out that a 4xx whose status speaks of a refusal is none. FHIR servers give the reason of a 4xx in an OperationOutcome
 * (https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R5/http.html#create). A page, a text, another JSON, no body, and an
 * OperationOutcome without an issue or without an error come from elsewhere: from a gateway, which may have replaced the answer after
 * the EMR had acted, or from an address that is no FHIR server. They prove neither a refusal nor, with a 403, that nothing was done.
 * Filters of outgoing answers give their 403 after the EMR has acted (https://github.com/owasp-modsecurity/ModSecurity/issues/3461).
 * Some issues of an OperationOutcome speak of an earlier send, or of an end that was not reached.
 *
 * A 401 and a 429 need no form: the first says that "the request has not been applied", the second that it is one too many
 * (https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2, https://www.rfc-editor.org/rfc/rfc6585#section-4).
 *
 * @returns what the answer proves instead; null for a refusal in the form of FHIR.
 */
function noRefusal(answer: Answer): PostOutcome | null {
  const { trouble } = judgeStatus(answer);
  const unknown = (code: Trouble['code'], detail: OurSentence): PostOutcome => ({
    ...withWords(trouble, answer),
    outcome: 'unknown',
    code,
    detail,
  });
  const outcome = parseAs(OperationOutcomeSchema, answer.body);
  if (outcome === null || !remarksOf(outcome).errorSaid) {
    const form = sentence`The answer does not have the form in which a FHIR server refuses.`;
    return unknown('answer_not_understood', sentence`${trouble.detail} ${form}`);
  }
  const says = (codes: ReadonlySet<string>) => outcome.issue.some(({ code = '' }) => codes.has(code));
  if (says(CONFLICTS))
    return unknown('conflict', sentence`The EMR reported a conflict (HTTP ${answer.status}).`);
  if (says(FAILURES))
    return unknown('emr_error', sentence`The EMR reported a failure of its own (HTTP ${answer.status}).`);
  return null;
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
 * The answer names an entry and does not say that this send created it: a conditional create found it, or the EMR found it by
 * itself, or it is still to come (202). It has to be compared with the payment.
 */
export type Exists = {
  outcome: 'exists';
  emrTransactionId: string;
  /** The entry, where a 200 holds it whole; null when it has to be read. */
  entry: Payment | null;
  /** True when the status says that the EMR took the request, and not that the entry is there already. */
  toCome: boolean;
};

/**
 * Decides what a create of a payment proves, by its status (`judgeStatus`) and its body. No other function for FHIR servers
 * chooses among the outcomes.
 *
 * `refused` is about this one send. It says nothing about an earlier send of the same payment.
 */
export function classifyPost(
  { payments }: { payments: PaymentResource },
  result: Answer | NoAnswer,
): PostOutcome | Exists {
  if (result.kind === 'no_answer') {
    return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
  }
  const { verdict, trouble } = judgeStatus(result);
  if (verdict === 'refused' || result.status === 403) {
    const open = noRefusal(result);
    if (open !== null) return open;
  }
  switch (verdict) {
    case 'accepted': {
      const emrTransactionId = namedEntry(payments, result);
      if (emrTransactionId !== undefined) {
        if (result.status === 201 && !saysError(result)) return { outcome: 'posted', emrTransactionId };
        const body = result.status === 200 ? parseAs(paymentSchema(payments.type), result.body) : null;
        return {
          outcome: 'exists',
          emrTransactionId,
          entry: body !== null && 'amount' in body ? body : null,
          toCome: result.status > 201,
        };
      }
      const detail = sentence`${trouble.detail} It did not name the entry.`;
      return tookIt(result)
        ? { outcome: 'accepted', detail, ...wordsOf(result.body) }
        : { outcome: 'unknown', code: 'bad_answer', detail, ...wordsOf(result.body) };
    }
    case 'refused': {
      const outcome = parseAs(OperationOutcomeSchema, result.body);
      const code = refusalCode(payments, outcome) ?? refusedAs(trouble);
      const reason = refusalReason(payments, { outcome, code, status: result.status });
      return { outcome: 'refused', code, reason, ...wordsOf(result.body) };
    }
    default:
      return { outcome: verdict, ...withWords(trouble, result) };
  }
}
