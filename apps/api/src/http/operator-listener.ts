import type { RequestListener } from 'node:http';

/** Answers the requests of the operator's API, which is an app of its own behind the same server. */
export type OperatorListener = RequestListener;

const OPERATOR = /^\/operator(?:[/?]|$)/;

/** Gives what is below `/operator` to the operator's API, and everything else to `others`. */
export function besideOperator(
  others: RequestListener,
  operatorApi: OperatorListener | undefined,
): RequestListener {
  if (operatorApi === undefined) return others;
  return (request, response) => (OPERATOR.test(request.url ?? '') ? operatorApi : others)(request, response);
}
