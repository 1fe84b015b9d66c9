import { errorChain, type NetworkFailure, networkFailureOf, parseRetryAfter } from '@emr-payments/outbound';
import type { Trouble } from '../adapter.ts';
import { type Answer, AnswerTooLargeError, EarlyAnswerError, type NoAnswer } from './exchange.ts';
import { ClaimLostError } from './gated-body.ts';

/**
 * What a status code proves about a request that asked for one new entry.
 * - `accepted`: it was done, if the answer also names the entry;
 * - `refused`: the EMR says that it did nothing, and doing the same again will not help;
 * - `not_sent`: it did nothing, and the same request may succeed later;
 * - `unknown`: it may have been done.
 */
export type Verdict = 'accepted' | 'refused' | 'not_sent' | 'unknown';

type StatusRow = { from: number; to: number; verdict: Verdict; code: string; says: string };

/** The one table. The first row that fits counts; a status without a row proves nothing. */
const STATUS_ROWS: readonly StatusRow[] = [
  { from: 200, to: 299, verdict: 'accepted', code: 'accepted', says: 'accepted the request' },
  // Our redirects are never followed; a server that redirects after acting is rare but seen.
  { from: 300, to: 399, verdict: 'unknown', code: 'redirected', says: 'answered with a redirect' },
  { from: 400, to: 400, verdict: 'refused', code: 'emr_refused', says: 'refused the request' },
  { from: 401, to: 401, verdict: 'not_sent', code: 'unauthorized', says: 'did not take our credentials' },
  {
    from: 403,
    to: 403,
    verdict: 'not_sent',
    code: 'forbidden',
    says: 'does not let our credentials do this',
  },
  { from: 404, to: 405, verdict: 'refused', code: 'connection_misconfigured', says: 'has no such endpoint' },
  // A conflict can be with an entry that an earlier try of ours made.
  { from: 409, to: 409, verdict: 'unknown', code: 'conflict', says: 'reported a conflict' },
  // If-None-Exist matched several entries: the payment is there, more than once.
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
    says: 'does not take this format',
  },
  { from: 422, to: 422, verdict: 'refused', code: 'emr_refused', says: 'refused the request' },
  { from: 429, to: 429, verdict: 'not_sent', code: 'rate_limited', says: 'asked us to slow down' },
  { from: 500, to: 599, verdict: 'unknown', code: 'emr_error', says: 'failed' },
];
const NO_ROW = { verdict: 'unknown', code: 'unexpected_status', says: 'gave an unexpected answer' } as const;

/** What an answer's status proves, and the same in words. */
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

/** An exchange without a complete answer, in words. What it proves is `handedOver`, never the kind of the error. */
export function describeNoAnswer({ error }: NoAnswer): Trouble {
  const chain = errorChain(error);
  const is = (type: new (message: string) => Error) => chain.some((each) => each instanceof type);
  if (is(ClaimLostError)) return { code: 'claim_lost', detail: 'Another worker has taken the payment over.' };
  if (is(AnswerTooLargeError)) return { code: 'answer_too_large', detail: "The EMR's answer is too large." };
  if (is(EarlyAnswerError)) return { code: 'bad_answer', detail: 'The EMR answered before it was asked.' };
  if (chain.some(({ name }) => name === 'AbortError'))
    return { code: 'aborted', detail: 'The call was given up.' };
  const named = networkFailureOf(error);
  if (named !== undefined) {
    const { code, detail } = NETWORK_FAILURES[named.failure];
    return { code, detail: `${detail} (${named.code})` };
  }
  return { code: 'network', detail: 'The exchange with the EMR failed.' };
}
