import type { FailedCode } from '@emr-payments/contracts';
import { clip } from '@emr-payments/runtime';
import type { PostOutcome } from '../../adapter.ts';
import { describeNoAnswer, judgeStatus } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { idIn } from './entry-id.ts';
import { remarksOf } from './remarks.ts';
import {
  CreatedSchema,
  type OperationOutcome,
  OperationOutcomeSchema,
  type Payment,
  PaymentReconciliationSchema,
  parseAs,
} from './resources.ts';

const LONGEST_REASON = 300;

/** The EMR's own explanation, in one line of at most 300 characters. */
function reasonOf(outcome: OperationOutcome | null, status: number): string {
  const said = (outcome?.issue ?? [])
    .filter(({ severity }) => severity === undefined || severity === 'error' || severity === 'fatal')
    .map(({ details, diagnostics }) => details?.text ?? diagnostics ?? '')
    .map((text) => text.replace(/[\s\p{Cc}]+/gu, ' ').trim())
    .filter((text) => text !== '')
    .join(' ');
  if (said === '') return `The EMR refused the payment with HTTP ${status} and gave no reason.`;
  const reason = `The EMR refused the payment: ${said}`;
  return clip(reason, LONGEST_REASON);
}

/** Codes by the element that the EMR's issue names, which says more than the HTTP status. */
const CODE_BY_ELEMENT: Readonly<Record<string, FailedCode>> = {
  paymentIssuer: 'unknown_patient',
  method: 'unknown_payment_method',
  location: 'unknown_location',
  amount: 'amount_refused',
};

function refusalCode(outcome: OperationOutcome | null): FailedCode | undefined {
  for (const { code, expression = [] } of outcome?.issue ?? []) {
    const [, element = ''] = /^PaymentReconciliation\.([A-Za-z]+)/.exec(expression[0] ?? '') ?? [];
    if (element === 'date' && code === 'business-rule') return 'closed_period';
    const known = CODE_BY_ELEMENT[element];
    if (known !== undefined) return known;
  }
  return undefined;
}

/** True when the answer's body is an OperationOutcome that reports an error, against its status. */
function saysError({ body }: Answer): boolean {
  const outcome = parseAs(OperationOutcomeSchema, body);
  return outcome !== null && remarksOf(outcome).errorSaid;
}

/** Reads the entry that a create's answer names: the resource in its body, else `Location`, else `Content-Location`. */
function namedEntry({ body, headers }: Answer): string | undefined {
  return (
    parseAs(CreatedSchema, body)?.id ??
    idIn('PaymentReconciliation', headers.location) ??
    idIn('PaymentReconciliation', headers['content-location'])
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
};

/**
 * Decides what a create proves, by its status (`judgeStatus`) and its body. No other function of this dialect chooses among
 * the outcomes.
 *
 * `refused` is about this one send. It says nothing about an earlier send of the same payment.
 */
export function classifyPost(result: Answer | NoAnswer): PostOutcome | Exists {
  if (result.kind === 'no_answer') {
    return { outcome: result.handedOver ? 'unknown' : 'not_sent', ...describeNoAnswer(result) };
  }
  const { verdict, trouble } = judgeStatus(result);
  switch (verdict) {
    case 'accepted': {
      const emrTransactionId = namedEntry(result);
      if (emrTransactionId !== undefined) {
        if (result.status === 201 && !saysError(result)) return { outcome: 'posted', emrTransactionId };
        const body = result.status === 200 ? parseAs(PaymentReconciliationSchema, result.body) : null;
        return {
          outcome: 'exists',
          emrTransactionId,
          entry: body !== null && 'amount' in body ? body : null,
        };
      }
      return {
        outcome: 'unknown',
        code: 'bad_answer',
        detail: `${trouble.detail} It did not name the entry.`,
      };
    }
    case 'refused': {
      const outcome = parseAs(OperationOutcomeSchema, result.body);
      // The EMR has such an entry already or is processing one: that may come from an earlier send of ours.
      if (
        outcome?.issue.some(
          ({ code }) => code === 'duplicate' || code === 'conflict' || code === 'lock-error',
        )
      ) {
        return {
          outcome: 'unknown',
          code: 'conflict',
          detail: `The EMR reported a conflict (HTTP ${result.status}).`,
        };
      }
      return {
        outcome: 'refused',
        code: refusalCode(outcome) ?? trouble.code,
        reason: reasonOf(outcome, result.status),
      };
    }
    default:
      return { outcome: verdict, ...trouble };
  }
}
