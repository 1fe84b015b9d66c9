import { type OurSentence, sentence, wordIn } from '@emr-payments/contracts';
import { errorChain, type NetworkFailure, networkFailureOf, parseRetryAfter } from '@emr-payments/outbound';
import type { Trouble } from '../adapter.ts';
import type { TroubleCode } from '../trouble-codes.ts';
import { BrokenEncodingError, DecodedTooLargeError } from './content-encoding.ts';
import { type Answer, EarlyAnswerError, type NoAnswer } from './exchange.ts';
import { ClaimLostError } from './gated-body.ts';
import { NotMadeError } from './not-made.ts';
import { ownWords } from './own-words.ts';

/**
 * How a status code decides about a request to create one entry.
 * - `accepted`: the entry was created, if the answer also names it, or is created later;
 * - `refused`: the EMR says that it did nothing, and the same request will fail again;
 * - `not_sent`: the EMR did nothing, and the same request may succeed later;
 * - `unknown`: the entry may have been created.
 */
export type Verdict = 'accepted' | 'refused' | 'not_sent' | 'unknown';

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
 * A page with a 403 is that of a gateway. One that filters answers gives it after the EMR has acted
 * (https://github.com/owasp-modsecurity/ModSecurity/issues/3461), so it does not prove that nothing was done.
 */
const GATEWAY_PAGE = {
  verdict: 'unknown',
  code: 'answer_not_understood',
  says: sentence`answered with the page of a gateway`,
} as const;
const isPage = ({ status, body }: Answer): boolean => status === 403 && body.trimStart().startsWith('<');

/** Looks an answer's status up in the table. `trouble` says it in words, with the answer's Retry-After and, apart, its body. */
export function judgeStatus(answer: Answer): { verdict: Verdict; trouble: Trouble } {
  const { status } = answer;
  const row = isPage(answer)
    ? GATEWAY_PAGE
    : (STATUS_ROWS.find(({ from, to }) => status >= from && status <= to) ?? NO_ROW);
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], new Date());
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

const NETWORK_FAILURES: Readonly<Record<NetworkFailure, Pick<Trouble, 'code' | 'detail'>>> = {
  refused: { code: 'connection_refused', detail: sentence`The EMR refused the connection.` },
  unreachable: { code: 'unreachable', detail: sentence`The EMR cannot be reached.` },
  no_local_address: { code: 'network', detail: sentence`The exchange with the EMR failed.` },
  unknown_host: { code: 'dns', detail: sentence`The EMR's host name is not known.` },
  lookup_failed: { code: 'dns', detail: sentence`The EMR's host name could not be looked up.` },
  timeout: { code: 'timeout', detail: sentence`The EMR did not answer in time.` },
  cut: { code: 'connection_reset', detail: sentence`The connection to the EMR was cut.` },
  cut_short: { code: 'connection_reset', detail: sentence`The EMR's answer was cut short.` },
  tls: { code: 'tls', detail: sentence`No secure connection to the EMR could be made.` },
  too_large: { code: 'answer_too_large', detail: sentence`The EMR's answer is too large.` },
  not_http: { code: 'bad_answer', detail: sentence`The EMR's answer is not HTTP.` },
};

/** The codes of Node and OpenSSL that a sentence names. */
const NETWORK_CODES = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ECONNRESET',
  'EPIPE',
  'EPROTO',
  'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  'HPE_HEADER_OVERFLOW',
  'HPE_CHUNK_EXTENSIONS_OVERFLOW',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_TLS_HANDSHAKE_TIMEOUT',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
] as const;

/** Puts an exchange without a complete answer into words. The evidence is `handedOver`, never the kind of error. */
export function describeNoAnswer({ error }: NoAnswer): Trouble {
  const chain = errorChain(error);
  const notMade = chain.find((each) => each instanceof NotMadeError);
  if (notMade !== undefined) return notMade.trouble;
  const is = (type: new (message: string) => Error) => chain.some((each) => each instanceof type);
  if (is(ClaimLostError))
    return { code: 'claim_lost', detail: sentence`Another worker has taken over the payment.` };
  if (is(DecodedTooLargeError))
    return { code: 'answer_too_large', detail: sentence`The EMR's answer is too large.` };
  if (is(BrokenEncodingError))
    return { code: 'bad_answer', detail: sentence`The EMR's answer cannot be decoded.` };
  if (is(EarlyAnswerError))
    return { code: 'bad_answer', detail: sentence`The EMR answered before the request was sent.` };
  if (chain.some(({ name }) => name === 'AbortError'))
    return { code: 'aborted', detail: sentence`The call was aborted.` };
  const named = networkFailureOf(error);
  if (named !== undefined) {
    const { code, detail } = NETWORK_FAILURES[named.failure];
    const shown = wordIn(NETWORK_CODES, named.code);
    return { code, detail: shown === null ? detail : sentence`${detail} (${shown})` };
  }
  return { code: 'network', detail: sentence`The exchange with the EMR failed.` };
}
