import { FAILURE_CODES, type FailedCode, sentence } from '@emr-payments/contracts';
import { judgePost } from '../../http/evidence.ts';
import type { Answer, NoAnswer } from '../../http/exchange.ts';
import type { PostOutcome } from '../../posting.ts';
import { errorIn, type NexError, wordsOf } from './envelope.ts';
import { FORM } from './refusal-form.ts';

/** The vendor documents no texts. The field that a text names first leads to the code; without one it is `emr_refused`. */
const FIELDS: readonly (readonly [RegExp, FailedCode])[] = [
  [/payment[_ ]type|type_name/i, 'unknown_payment_method'],
  [/location/i, 'unknown_location'],
  [/patient/i, 'unknown_patient'],
  [/\bamount\b/i, 'amount_refused'],
  [/paid_at|closed|locked/i, 'closed_period'],
];

function codeOf({ texts }: NexError): FailedCode {
  const said = texts.join(' ');
  const [first] = FIELDS.map(([pattern, code]) => ({ at: said.search(pattern), code }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  return first?.code ?? 'emr_refused';
}

/**
 * Decides what `POST /payments` proves. Documented are 202, after which the practice's system is written to, and 400, 401, 403 and
 * 500 with an error in NexHealth's format (`FORM`). Everything else is unknown.
 */
export function classifyPost(result: Answer | NoAnswer): PostOutcome {
  const judged = judgePost(FORM, result);
  if (judged.verdict === 'ended') return judged.outcome;
  const { answer, trouble } = judged;
  const { status, body } = answer;
  const words = wordsOf(body);
  if (judged.verdict === 'refused') {
    const code = codeOf(judged.refusal);
    const reason = sentence`${FAILURE_CODES[code].says} The EMR answered HTTP ${status}.`;
    return { outcome: 'refused', code, reason, ...words };
  }
  if (status === 202 && errorIn(body) === null) {
    const detail = sentence`NexHealth has accepted the payment and writes it into the practice's system.`;
    return { outcome: 'accepted', detail, ...words };
  }
  return { outcome: 'unknown', ...trouble, code: 'bad_answer' };
}
