import type { FastifyRequest } from 'fastify';

/** Returns the address that a request came from: the proxies of `TRUST_PROXY` are believed about it. */
export function sourceOf(request: FastifyRequest): string {
  return request.ip;
}
