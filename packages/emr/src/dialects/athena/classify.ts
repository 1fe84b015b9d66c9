import { FAILURE_CODES, type FailedCode, sentence } from '@emr-payments/contracts';
import { clip } from '@emr-payments/runtime';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import { readJson } from '../../http/read-json.ts';
import type { PostOutcome } from '../../posting.ts';
import { isUsableId } from '../../usable-id.ts';
import type { AthenaConnection } from './connection.ts';
import { type AthenaError, type Envelope, envelopeOf, errorIn, wordsOf } from './envelope.ts';
import { FORM } from './refusal-form.ts';
import { matchesText } from './text-pattern.ts';

/** Enough of an answer for the texts of a setting. */
const LONGEST_MATCHED = 2000;

/** Fields of a request by which a refusal names its cause, in `missingfields`. */
const MISSING: readonly (readonly [RegExp, FailedCode])[] = [
  [/^(?:cardnumberlast4|vendorterminalid|checknumber)$/i, 'method_needs_data'],
  [/^paymentmethod$/i, 'unknown_payment_method'],
  [/^departmentid$/i, 'unknown_location'],
  [/^patientid$/i, 'unknown_patient'],
  [/amount$/i, 'amount_refused'],
];
/** athena lists the texts of its errors without those of payments: what they are about leads to the code, else it is `emr_refused`. */
const TEXTS: readonly (readonly [RegExp, FailedCode])[] = [
  [/payment ?method/i, 'unknown_payment_method'],
  [/card ?number|terminal|check ?number/i, 'method_needs_data'],
  [/practice|vendor ?code/i, 'connection_misconfigured'],
  [
    /patient ?id|(?:specified|invalid|unknown|such) patient|patient (?:does|is|was|could|not)/i,
    'unknown_patient',
  ],
  [/department/i, 'unknown_location'],
  [/post ?date|deposit ?date|closed/i, 'closed_period'],
  [/amount|over ?pa/i, 'amount_refused'],
];

function codeOf({ texts, missing }: AthenaError): FailedCode {
  const said = texts.join(' ');
  const byField = MISSING.find(([pattern]) => missing.some((field) => pattern.test(field)));
  return (byField ?? TEXTS.find(([pattern]) => pattern.test(said)))?.[1] ?? 'emr_refused';
}

/** The id that a good answer names: null when it names none, undefined when what it names is no id. */
function idIn(envelope: Envelope): string | null | undefined {
  const id = envelope.patientpaymentid ?? envelope.paymentid ?? envelope.epaymentid;
  if (id === undefined) return null;
  const text = String(id).trim();
  // An empty id, `0` and `false` are how an API says that it made nothing.
  return /^(?:0*|false|true)$/i.test(text) || !isUsableId(text) ? undefined : text;
}

/** Decides what a 200 without an error proves. Of a vendor's payment it is documented to name `patientpaymentid`. */
function judgeGood({ way }: AthenaConnection, { body }: Answer): PostOutcome | null {
  const envelope = envelopeOf(body);
  if (envelope === null || errorIn(body) !== null) return null;
  const emrTransactionId = idIn(envelope);
  if (emrTransactionId === undefined) return null;
  if (way.kind === 'ppv') return emrTransactionId === null ? null : { outcome: 'posted', emrTransactionId };
  const said = clip(JSON.stringify(readJson(body)), LONGEST_MATCHED);
  return matchesText(way.success, said) ? { outcome: 'posted', emrTransactionId } : null;
}

/** Statuses that are no answer about a duplicate: nothing was read of the request, or athena did not come to an end with it. */
const saysNoDuplicate = (status: number): boolean =>
  status === 401 || status === 429 || (status !== 200 && (status < 400 || status > 499));

/** True for the refusal of a payment because athena has one with its externalrefid. */
function isDuplicate({ way }: AthenaConnection, answer: Answer): boolean {
  const { status, body } = answer;
  if (way.kind !== 'ppv' || saysNoDuplicate(status)) return false;
  if (status !== 200 && FORM.complaint(answer) === null) return false;
  const said = errorIn(body)?.texts.join(' ') ?? '';
  return matchesText(way.duplicate, clip(said, LONGEST_MATCHED));
}

/**
 * Decides what the answer to a payment proves.
 *
 * A duplicate of our own externalrefid is refused, and that refusal proves that athena has the payment: it is `posted`, and nobody
 * names its id, also after the first send, because no other payment has this id. How the refusal looks is not documented, neither its
 * status nor its words, so it is recognised by the setting `duplicate_pattern`. A refusal that is not recognised is `refused`: when
 * an earlier send is in doubt, the worker takes that for unknown.
 */
export function classifyPost(athena: AthenaConnection, result: Answer | NoAnswer): PostOutcome {
  if (result.kind === 'answer' && isDuplicate(athena, result))
    return { outcome: 'posted', emrTransactionId: null };
  const judged = judgePost({ ...FORM, waitMs: athena.waitMs }, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  const { status, body } = answer;
  const words = wordsOf(body);
  if (judged.verdict === 'refused') {
    const code = codeOf(judged.refusal);
    const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}.`;
    return { outcome: 'refused', code, reason, ...words };
  }
  if (status === 200) {
    const good = judgeGood(athena, answer);
    if (good !== null) return good;
  }
  if (status === 202 && errorIn(body) === null) {
    const detail = sentence`The EMR has accepted the payment and says that it will post it later.`;
    return { outcome: 'accepted', detail, ...words };
  }
  return { outcome: 'unknown', ...trouble, code: 'bad_answer' };
}
