import { errorChain, type NetworkFailure, networkFailureOf, parseRetryAfter } from '@emr-payments/outbound';
import type { Trouble } from '../adapter.ts';
import { BrokenEncodingError, DecodedTooLargeError } from './content-encoding.ts';
import { type Answer, AnswerTooLargeError, EarlyAnswerError, type NoAnswer } from './exchange.ts';
import { ClaimLostError } from './gated-body.ts';

/**
 * How a status code decides about a request to create one entry.
 * - `accepted`: the entry was created, if the answer also names it;
 * - `refused`: the EMR says that it did nothing, and the same request will fail again;
 * - `not_sent`: the EMR did nothing, and the same request may succeed later;
 * - `unknown`: the entry may have been created.
 */
export type Verdict = 'accepted' | 'refused' | 'not_sent' | 'unknown';

type StatusRow = { from: number; to: number; verdict: Verdict; code: string; says: string };

/** The only table of statuses. The first matching row counts; a status without a row proves nothing. */
const STATUS_ROWS: readonly StatusRow[] = [
  { from: 200, to: 299, verdict: 'accepted', code: 'accepted', says: 'accepted the request' },
  // We follow no redirect; servers that act and then redirect are rare but exist.
  { from: 300, to: 399, verdict: 'unknown', code: 'redirected', says: 'answered with a redirect' },
  { from: 400, to: 400, verdict: 'refused', code: 'emr_refused', says: 'refused the request' },
  { from: 401, to: 401, verdict: 'not_sent', code: 'unauthorized', says: 'rejected our credentials' },
  {
    from: 403,
    to: 403,
    verdict: 'not_sent',
    code: 'forbidden',
    says: 'does not permit this with our credentials',
  },
  { from: 404, to: 405, verdict: 'refused', code: 'connection_misconfigured', says: 'has no such endpoint' },
  // The conflict can be with an entry that an earlier send of ours created.
  { from: 409, to: 409, verdict: 'unknown', code: 'conflict', says: 'reported a conflict' },
  // The key of a conditional create matched several entries: the payment has been posted more than once.
  {
    from: 412,
    to: 412,
    verdict: 'unknown',
    code: 'several_matches',
    says: 'has several entries with our key',
  },
  { from: 413, to: 413, verdict: 'refused', code: 'emr_refused', says: 'found the request too large' },
  {
    from: 415,
    to: 415,
    verdict: 'refused',
    code: 'connection_misconfigured',
    says: 'does not accept this format',
  },
  { from: 422, to: 422, verdict: 'refused', code: 'emr_refused', says: 'refused the request' },
  { from: 429, to: 429, verdict: 'not_sent', code: 'rate_limited', says: 'asked us to slow down' },
  { from: 500, to: 599, verdict: 'unknown', code: 'emr_error', says: 'failed' },
];
const NO_ROW = { verdict: 'unknown', code: 'unexpected_status', says: 'gave an unexpected answer' } as const;

/** Looks an answer's status up in the table. `trouble` says it in words, with the answer's Retry-After. */
export function judgeStatus(answer: Answer): { verdict: Verdict; trouble: Trouble } {
  const { status } = answer;
  const row = STATUS_ROWS.find(({ from, to }) => status >= from && status <= to) ?? NO_ROW;
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], new Date());
  const detail = `The EMR ${row.says} (HTTP ${status}).`;
  return {
    verdict: row.verdict,
    trouble: { code: row.code, detail, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
  };
}

const NETWORK_FAILURES: Readonly<Record<NetworkFailure, { code: string; detail: string }>> = {
  refused: { code: 'connection_refused', detail: 'The EMR refused the connection.' },
  unreachable: { code: 'unreachable', detail: 'The EMR cannot be reached.' },
  no_local_address: { code: 'network', detail: 'The exchange with the EMR failed.' },
  unknown_host: { code: 'dns', detail: "The EMR's host name is not known." },
  lookup_failed: { code: 'dns', detail: "The EMR's host name could not be looked up." },
  timeout: { code: 'timeout', detail: 'The EMR did not answer in time.' },
  cut: { code: 'connection_reset', detail: 'The connection to the EMR was cut.' },
  cut_short: { code: 'connection_reset', detail: "The EMR's answer was cut short." },
  tls: { code: 'tls', detail: 'No secure connection to the EMR could be made.' },
  not_http: { code: 'bad_answer', detail: "The EMR's answer is not HTTP." },
};

/** Puts an exchange without a complete answer into words. The evidence is `handedOver`, never the kind of error. */
export function describeNoAnswer({ error }: NoAnswer): Trouble {
  const chain = errorChain(error);
  const is = (type: new (message: string) => Error) => chain.some((each) => each instanceof type);
  if (is(ClaimLostError)) return { code: 'claim_lost', detail: 'Another worker has taken over the payment.' };
  if (is(AnswerTooLargeError) || is(DecodedTooLargeError))
    return { code: 'answer_too_large', detail: "The EMR's answer is too large." };
  if (is(BrokenEncodingError)) return { code: 'bad_answer', detail: "The EMR's answer cannot be decoded." };
  if (is(EarlyAnswerError))
    return { code: 'bad_answer', detail: 'The EMR answered before the request was sent.' };
  if (chain.some(({ name }) => name === 'AbortError'))
    return { code: 'aborted', detail: 'The call was aborted.' };
  const named = networkFailureOf(error);
  if (named !== undefined) {
    const { code, detail } = NETWORK_FAILURES[named.failure];
    return { code, detail: `${detail} (${named.code})` };
  }
  return { code: 'network', detail: 'The exchange with the EMR failed.' };
}
