import { sentence, wordIn } from '@emr-payments/contracts';
import { errorChain, type NetworkFailure, networkFailureOf } from '@emr-payments/outbound';
import { AddressRefusedError, UnresolvedError } from '@emr-payments/outbound/guard';
import type { Trouble } from '../trouble.ts';
import { BrokenEncodingError, DecodedTooLargeError } from './content-encoding.ts';
import type { NoAnswer } from './exchange.ts';
import { ClaimLostError, EarlyAnswerError } from './gated-body.ts';
import { NotMadeError } from './not-made.ts';

const NETWORK_FAILURES: Readonly<Record<NetworkFailure, Pick<Trouble, 'code' | 'detail'>>> = {
  refused: { code: 'connection_refused', detail: sentence`The EMR refused the connection.` },
  unreachable: { code: 'unreachable', detail: sentence`The EMR cannot be reached.` },
  no_local_address: { code: 'network', detail: sentence`The exchange with the EMR failed.` },
  no_resources: {
    code: 'our_fault',
    detail: sentence`A fault of ours prevents a call to the EMR: our machine cannot open another connection. We are looking into it.`,
  },
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
  'ENETDOWN',
  'ENONET',
  'EADDRNOTAVAIL',
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ECONNRESET',
  'ECONNABORTED',
  'ENETRESET',
  'ENOTCONN',
  'ESHUTDOWN',
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

const ADDRESS_REFUSED: Trouble = {
  code: 'address_refused',
  detail: sentence`The EMR's address is not one that this connection may call: it must be a public address, called over https.`,
};

/** Puts an exchange without a complete answer into words. The evidence is `handedOver`, never the kind of error. */
export function describeNoAnswer({ error }: NoAnswer): Trouble {
  const chain = errorChain(error);
  const notMade = chain.find((each) => each instanceof NotMadeError);
  if (notMade !== undefined) return notMade.trouble;
  const is = (type: new (...input: never[]) => Error) => chain.some((each) => each instanceof type);
  // No address is in the sentences: which one a name leads to is nobody's business but the guard's.
  if (is(AddressRefusedError)) return ADDRESS_REFUSED;
  if (is(UnresolvedError)) return NETWORK_FAILURES.lookup_failed;
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
