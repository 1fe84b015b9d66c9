import { AddressRefusedError } from './guard/guarded-lookup.ts';
import { UnresolvedError } from './guard/resolve.ts';

/**
 * Why an attempt did not deliver. `canceled` is our own doing (a stop, a lost claim): it says nothing about the
 * endpoint and should not be counted against it.
 */
export type FailureKind =
  | 'timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'reset'
  | 'protocol'
  | 'http_status'
  | 'address_refused'
  | 'canceled';

const CONNECT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'EHOSTDOWN',
]);
const TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_|INVALID_CA|EPROTO$)/;

/** The error and what caused it, outermost first: got wraps what the socket says. */
function* chain(error: unknown): Generator<Error & { code?: unknown }> {
  for (let next = error; next instanceof Error; next = next.cause) yield next;
}

/** Names what ended an exchange, from the error's class or code; `detail` is for people. */
export function failureOf(error: unknown): { kind: FailureKind; detail: string } {
  const errors = [...chain(error)];
  const ours = errors.find((one) => one instanceof AddressRefusedError || one instanceof UnresolvedError);
  if (ours !== undefined) {
    return { kind: ours instanceof AddressRefusedError ? 'address_refused' : 'dns', detail: ours.message };
  }
  const codes = errors.map(({ code }) => code).filter((code) => typeof code === 'string');
  const code = codes.at(-1) ?? 'no code';
  const kind = ((): FailureKind => {
    if (codes.some((one) => TLS.test(one))) return 'tls';
    if (errors.some(({ message }) => message.includes('before secure TLS connection'))) return 'tls';
    if (codes.some((one) => CONNECT.has(one))) return 'connect';
    if (codes.some((one) => one.startsWith('HPE_'))) return 'protocol';
    return 'reset';
  })();
  return { kind, detail: code };
}
