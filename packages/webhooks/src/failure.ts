import { errorChain, type NetworkFailure, networkFailureOf } from '@emr-payments/outbound';
import { AnswerBoundError } from '@emr-payments/outbound/bound-answer';
import { AddressRefusedError, UnresolvedError } from '@emr-payments/outbound/guard';

/**
 * Says why an attempt did not deliver. `canceled` is our own doing (a stop, a lost claim): it says nothing about the
 * endpoint and must not be counted against it.
 */
export type FailureKind =
  | 'timeout'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'reset'
  | 'protocol'
  | 'answer_too_large'
  | 'http_status'
  | 'address_refused'
  | 'canceled';

/** This machine can open no further socket. It says nothing about a receiver. */
export class NoResourcesError extends Error {
  override name = 'NoResourcesError';
}

const KINDS: Readonly<Record<Exclude<NetworkFailure, 'no_resources'>, FailureKind>> = {
  refused: 'connect',
  unreachable: 'connect',
  no_local_address: 'connect',
  // The deadline of an attempt is our own timer, so this is the operating system's: the connection was not opened in time.
  timeout: 'connect',
  unknown_host: 'dns',
  lookup_failed: 'dns',
  cut: 'reset',
  cut_short: 'reset',
  tls: 'tls',
  too_large: 'answer_too_large',
  not_http: 'protocol',
};

/**
 * Names the error that ended an attempt, by its class or code. `detail` is for people.
 *
 * @throws NoResourcesError
 */
export function failureOf(error: unknown): { kind: FailureKind; detail: string } {
  const named = networkFailureOf(error);
  // First, because a name that could not be looked up for this reason says nothing about the receiver either.
  if (named?.failure === 'no_resources')
    throw new NoResourcesError(`no connection can be opened on this machine (${named.code})`, {
      cause: error,
    });
  const errors = errorChain(error);
  const ours = errors.find((one) => one instanceof AddressRefusedError || one instanceof UnresolvedError);
  if (ours !== undefined) {
    return { kind: ours instanceof AddressRefusedError ? 'address_refused' : 'dns', detail: ours.message };
  }
  const bound = errors.find((one) => one instanceof AnswerBoundError);
  if (bound !== undefined) return { kind: 'answer_too_large', detail: bound.message };
  const codes = errors.map(({ code }) => code).filter((code) => typeof code === 'string');
  const detail = codes.at(-1) ?? 'no code';
  // Node reports a handshake that the far end breaks off as ECONNRESET; only the message says when it happened.
  if (errors.some(({ message }) => message.includes('before secure TLS connection'))) {
    return { kind: 'tls', detail };
  }
  return { kind: named === undefined ? 'reset' : KINDS[named.failure], detail };
}
