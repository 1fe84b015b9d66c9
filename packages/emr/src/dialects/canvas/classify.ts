import { FAILURE_CODES, type FailedCode, sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { differenceIn, moneyAgrees, referenceAgrees } from '../../fhir/compare.ts';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { isUsableId } from '../../usable-id.ts';
import { type CanvasOutcome, outcomeIn, saidBy, wordsOf } from './outcome.ts';
import { FORM } from './refusal-form.ts';

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

/** The id in `…/PaymentNotice/{id}`, with a version or without; null when the header is not there, or is another URL. */
function idInLocation(location: string | undefined): string | null {
  const path = (location ?? '').replace(/[?#].*$/s, '');
  const [, segment = ''] = /(?:^|\/)PaymentNotice\/([^/]+)(?:\/_history\/[^/]+)?\/?$/.exec(path) ?? [];
  const id = decoded(segment);
  return id !== null && isUsableId(id) ? id : null;
}

const CreatedSchema = Type.Object({
  resourceType: Type.Literal('PaymentNotice'),
  id: Type.String(),
  amount: Type.Optional(Type.Unknown()),
  request: Type.Optional(Type.Unknown()),
});

/** The fields of a payment that Canvas reads. */
type Sent = Pick<Posting, 'emrPatientId' | 'amount'>;

/**
 * Reads a 201: Canvas documents the body `null` for it, and the id, if any answer has it, is in `Location`
 * (https://docs.canvasmedical.com/api/paymentnotice). One that shows the entry all the same must not show another amount or patient.
 */
function judgeCreated({ body, headers }: Answer, sent: Sent): PostOutcome | null {
  const text = body.trim();
  const resource = readJsonAs(CreatedSchema, body);
  if (text !== 'null' && text !== '' && resource === null) return null;
  const named = resource !== null && isUsableId(resource.id) ? resource.id : null;
  const emrTransactionId = named ?? idInLocation(headers.location);
  const difference = differenceIn({
    must: [],
    may: [
      [sentence`amount`, moneyAgrees(sent.amount, resource?.amount)],
      [sentence`patient`, referenceAgrees('Patient', sent.emrPatientId, resource?.request)],
    ],
  });
  if (difference === null) return { outcome: 'posted', emrTransactionId };
  return emrTransactionId === null ? null : { outcome: 'differs', emrTransactionId, difference };
}

/** A payment names a patient and an amount, and nothing else that Canvas could refuse. */
function codeOf({ issue }: CanvasOutcome, { status, body }: Answer): FailedCode {
  const says = (code: string) => issue.some((each) => each.code === code);
  if (
    says('not-found') ||
    /unknown patient|patient\W+(?:\S+\s)?not found|no such patient/i.test(saidBy(body))
  )
    return 'unknown_patient';
  // A payment above the balance is refused: "Don't overpay!" on the page.
  if (says('business-rule')) return 'amount_refused';
  return status === 405 || says('not-supported') ? 'connection_misconfigured' : 'emr_refused';
}

/**
 * Decides what `POST /PaymentNotice` proves. Documented are 201, and refusals with an OperationOutcome (`FORM`). Nothing is looked up
 * here, so everything else is unknown, and a person has to look.
 */
export function classifyPost(result: Answer | NoAnswer, sent: Sent): PostOutcome {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  const { status, body } = answer;
  const words = wordsOf(body);
  if (judged.verdict === 'refused') {
    const code = codeOf(judged.refusal, answer);
    const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}.`;
    return { outcome: 'refused', code, reason, ...words };
  }
  if (status === 201) {
    const created = judgeCreated(answer, sent);
    if (created !== null) return created;
  }
  if (status === 202 && outcomeIn(body) === null) {
    const detail = sentence`The EMR has accepted the payment and says that it will post it later.`;
    return { outcome: 'accepted', detail, ...words };
  }
  return { outcome: 'unknown', ...trouble, code: 'bad_answer' };
}
