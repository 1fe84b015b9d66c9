import { type OurSentence, sentence } from '@emr-payments/contracts';
import { parseRetryAfter } from '@emr-payments/outbound';
import type { PostOutcome } from '../posting.ts';
import type { Trouble } from '../trouble.ts';
import type { TroubleCode } from '../trouble-codes.ts';
import type { Answer, NoAnswer } from './exchange.ts';
import { describeNoAnswer } from './no-answer.ts';
import { ownWords } from './own-words.ts';

/**
 * What a status code claims about a request to create one entry.
 * - `accepted`: the entry was created, if the answer also names it, or is created later;
 * - `refused`: the EMR says that it did nothing, and the same request will fail again;
 * - `not_sent`: the EMR did nothing, and the same request may succeed later;
 * - `unknown`: the entry may have been created.
 */
type Verdict = 'accepted' | 'refused' | 'not_sent' | 'unknown';

type StatusRow = { from: number; to: number; verdict: Verdict; code: TroubleCode; says: OurSentence };

/** The only table of statuses. The first matching row counts; a status without a row proves nothing. */
const STATUS_ROWS: readonly StatusRow[] = [
  { from: 200, to: 299, verdict: 'accepted', code: 'accepted', says: sentence`accepted the request` },
  // We follow no redirect; servers that act and then redirect are rare but exist.
  { from: 300, to: 399, verdict: 'unknown', code: 'redirected', says: sentence`answered with a redirect` },
  { from: 400, to: 400, verdict: 'refused', code: 'emr_refused', says: sentence`refused the request` },
  { from: 401, to: 401, verdict: 'not_sent', code: 'unauthorized', says: sentence`rejected our credentials` },
  {
    from: 403,
    to: 403,
    verdict: 'not_sent',
    code: 'forbidden',
    says: sentence`does not permit this with our credentials`,
  },
  {
    from: 404,
    to: 405,
    verdict: 'refused',
    code: 'connection_misconfigured',
    says: sentence`has no such endpoint`,
  },
  // The conflict can be with an entry that an earlier send of ours created.
  { from: 409, to: 409, verdict: 'unknown', code: 'conflict', says: sentence`reported a conflict` },
  // The key of a conditional create matched several entries: the payment has been posted more than once.
  {
    from: 412,
    to: 412,
    verdict: 'unknown',
    code: 'several_matches',
    says: sentence`has several entries with our key`,
  },
  {
    from: 413,
    to: 413,
    verdict: 'refused',
    code: 'emr_refused',
    says: sentence`found the request too large`,
  },
  {
    from: 415,
    to: 415,
    verdict: 'refused',
    code: 'connection_misconfigured',
    says: sentence`does not accept this format`,
  },
  { from: 422, to: 422, verdict: 'refused', code: 'emr_refused', says: sentence`refused the request` },
  { from: 429, to: 429, verdict: 'not_sent', code: 'rate_limited', says: sentence`asked us to slow down` },
  { from: 500, to: 599, verdict: 'unknown', code: 'emr_error', says: sentence`failed` },
];
const NO_ROW = {
  verdict: 'unknown',
  code: 'unexpected_status',
  says: sentence`gave an unexpected answer`,
} as const;

/**
 * Looks an answer's status up in the table. `trouble` says it in words, with the answer's Retry-After and, apart, its body.
 * The verdict is what the status claims. Only `judgePost` turns it into an outcome, because a claim needs the vendor's form.
 */
function judgeStatus(answer: Answer): { verdict: Verdict; trouble: Trouble } {
  const { status } = answer;
  const row = STATUS_ROWS.find(({ from, to }) => status >= from && status <= to) ?? NO_ROW;
  const retryAfterMs = parseRetryAfter(answer.headers, new Date());
  const detail = sentence`The EMR ${row.says} (HTTP ${status}).`;
  return {
    verdict: row.verdict,
    trouble: {
      code: row.code,
      detail,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...ownWords(answer.body),
    },
  };
}

/** Puts the status of an answer to a read into words. An answer to a send is judged by `judgePost`. */
export const describeStatus = (answer: Answer): Trouble => judgeStatus(answer).trouble;

/** True for every 2xx. */
export const isSuccess = ({ status }: Answer): boolean => status >= 200 && status <= 299;

/** An answer by which the EMR says that it did not do what was asked, in the form that the vendor documents. */
export type Complaint<Refusal> =
  | { kind: 'refusal'; refusal: Refusal }
  /** It reports a failure, or a conflict that an earlier send of ours may have caused. It may have acted all the same. */
  | { kind: 'doubt'; code: 'conflict' | 'emr_error'; detail: OurSentence };

/**
 * The proof that a status needs besides itself: the vendor's complaint, nothing, or a mark of its own. `never`: the vendor documents no
 * such answer, so it comes from elsewhere.
 */
export type Proof = 'complaint' | 'status' | 'never' | ((answer: Answer) => boolean);

/**
 * The forms in which a vendor documents that it did nothing. Every 4xx can come from a gateway between us and the EMR, and one that
 * filters answers gives it after the EMR has acted (https://github.com/owasp-modsecurity/ModSecurity/issues/3461). An answer in
 * another form therefore proves nothing.
 */
export type RefusalForm<Refusal> = {
  /** Statuses with which the vendor documents that it refuses a payment. Each needs a complaint. */
  refuses: readonly (400 | 404 | 405 | 413 | 415 | 422)[];
  /**
   * For 401. `status` is for a vendor that documents no form: the status itself says that "the request has not been applied"
   * (https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2).
   */
  unauthorized: Proof;
  /** For 403. A status alone never suffices: filters of answers give it. */
  forbidden: Exclude<Proof, 'status'>;
  /**
   * For 429. `status` is for a vendor that documents no form: limits are in front of what they protect
   * (https://www.rfc-editor.org/rfc/rfc6585#section-4).
   */
  throttled: Proof;
  /** Reads the vendor's complaint. null: the body has another form, so it may be a gateway's. */
  complaint(answer: Answer): Complaint<Refusal> | null;
  /** Takes the vendor's own words out of a body. */
  words(body: string): string;
  /** The wait that an answer names in another place than `Retry-After`. */
  waitMs?(answer: Answer): number | undefined;
};

/** `ended` is final. The dialect finishes the others: it names the entry of an accepted answer, and the code of a refusal. */
export type JudgedPost<Refusal> =
  | { verdict: 'accepted'; answer: Answer; trouble: Trouble }
  | { verdict: 'refused'; answer: Answer; refusal: Refusal; trouble: Trouble }
  | { verdict: 'ended'; outcome: PostOutcome };

function proofFor<Refusal>(form: RefusalForm<Refusal>, { status }: Answer): Proof {
  if (status === 401) return form.unauthorized;
  if (status === 403) return form.forbidden;
  if (status === 429) return form.throttled;
  return form.refuses.some((each) => each === status) ? 'complaint' : 'never';
}

/**
 * True for the answer to a send by which the vendor rejects our credentials, in the form that it documents: nothing was done, so the
 * token is renewed and the payment is sent again.
 */
export function rejectsCredentials<Refusal>(
  form: Pick<RefusalForm<Refusal>, 'unauthorized' | 'complaint'>,
  answer: Answer,
): boolean {
  const { unauthorized: proof } = form;
  if (answer.status !== 401 || proof === 'never') return false;
  if (proof === 'status') return true;
  return proof === 'complaint' ? form.complaint(answer)?.kind === 'refusal' : proof(answer);
}

/**
 * Judges the end of a send: the only way from a status to an outcome. `refused` and `not_sent` need the status and the vendor's form of
 * it, and everything else is `unknown`. `refused` is about this one send and says nothing about an earlier one of the same payment.
 */
export function judgePost<Refusal>(
  form: RefusalForm<Refusal>,
  result: Answer | NoAnswer,
): JudgedPost<Refusal> {
  if (result.kind === 'no_answer') {
    const outcome = result.handedOver ? 'unknown' : 'not_sent';
    return { verdict: 'ended', outcome: { outcome, ...describeNoAnswer(result) } };
  }
  const { verdict, trouble: said } = judgeStatus(result);
  const waitMs = said.retryAfterMs ?? form.waitMs?.(result);
  const { emrText: _, ...bare } = said;
  const trouble: Trouble = {
    ...bare,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...ownWords(form.words(result.body)),
  };
  const ended = (outcome: 'not_sent' | 'unknown', change: Partial<Trouble> = {}): JudgedPost<Refusal> => ({
    verdict: 'ended',
    outcome: { outcome, ...trouble, ...change },
  });
  if (verdict === 'accepted') return { verdict, answer: result, trouble };
  if (verdict === 'unknown') return ended('unknown');
  const proof = proofFor(form, result);
  if (proof === 'status') return ended('not_sent');
  const complaint = form.complaint(result);
  if (complaint?.kind === 'doubt')
    return ended('unknown', { code: complaint.code, detail: complaint.detail });
  if (proof === 'never') {
    const detail = sentence`${trouble.detail} The EMR does not document this answer, so it may have acted.`;
    return ended('unknown', { code: 'unexpected_status', detail });
  }
  const proved = proof === 'complaint' ? complaint !== null : proof(result);
  if (!proved) {
    const detail = sentence`${trouble.detail} The answer does not have the form in which this EMR refuses, so it may have acted.`;
    return ended('unknown', { code: 'answer_not_understood', detail });
  }
  if (verdict === 'not_sent' || complaint === null) return ended('not_sent');
  return { verdict: 'refused', answer: result, refusal: complaint.refusal, trouble };
}
