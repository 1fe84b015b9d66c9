import type { IncomingMessage, RequestListener } from 'node:http';

/** Answers the requests of the operator's API, which is an app of its own behind the same server. */
export type OperatorListener = RequestListener;

const OPERATOR = /^\/operator(?:[/?]|$)/;

/** The part of a target in absolute form that the router removes (RFC 9112, section 3.2.2: every server has to accept it). */
const BEFORE_PATH = /^https?:\/\/.*?\//;

const isOperators = ({ url = '' }: IncomingMessage): boolean =>
  OPERATOR.test(url.startsWith('/') ? url : url.replace(BEFORE_PATH, '/'));

/** Gives what is below `/operator` to the operator's API, and everything else to `others`. */
export function besideOperator(
  others: RequestListener,
  operatorApi: OperatorListener | undefined,
): RequestListener {
  if (operatorApi === undefined) return others;
  return (request, response) => (isOperators(request) ? operatorApi : others)(request, response);
}
