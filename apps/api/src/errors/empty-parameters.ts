import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from './send-error.ts';

const HINT = 'The path has nothing between two slashes, or after the last one.';

/** Answers 404. The hint is for a base URL that ends with a slash, as in `https://host//v1/payments`, and for a slash at the end. */
export function sendNoRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '';
  // An absolute target that the router could not read begins with its scheme.
  const hasEmptyPart = path.startsWith('/') && path !== '/' && (path.includes('//') || path.endsWith('/'));
  return sendError(request, reply, 'route_not_found', hasEmptyPart ? { hint: HINT } : undefined);
}

/**
 * Answers a path that has nothing in the place of a parameter as one without a route. The router takes `/v1/payments/` for a payment
 * whose id is empty: a POST to it would be told to use GET, and a GET that there is no such payment. Call it before the routes are
 * registered.
 */
export function refuseEmptyParameters(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const isEmpty = Object.entries(request.params as object).some(
      ([name, value]) => name !== '*' && value === '',
    );
    if (!isEmpty) return done();
    sendNoRoute(request, reply);
  });
}
