import type { FastifyRequest } from 'fastify';

/** The operator key whose secret a request has proved. */
export type OperatorCaller = { keyPk: number; keyId: string; scopes: readonly string[] };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the operator's hook; null in every request of the integrators' API. */
    operator: OperatorCaller | null;
  }
}

/** Returns the key of a request that passed the hook. @throws Error when a route forgot the hook: a bug. */
export function operatorOf(request: FastifyRequest): OperatorCaller {
  if (request.operator === null) throw new Error('this route has no operator hook');
  return request.operator;
}
