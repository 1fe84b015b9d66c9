import type { FastifyInstance } from 'fastify';
import { sendError } from './send-error.ts';

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
    sendError(request, reply, 'route_not_found', {
      hint: 'The path has nothing between two slashes, or after the last one.',
    });
  });
}
