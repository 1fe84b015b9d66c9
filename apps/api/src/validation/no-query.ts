import type { FastifyInstance } from 'fastify';

const NO_QUERY = { type: 'object', properties: {}, additionalProperties: false };

/**
 * Makes each operation that changes something and takes no query refuse every query parameter by name: who sends `dry_run=true` to an
 * operation without it would otherwise take the change for a trial. Reads without a query ignore one. Call it before the
 * routes are registered. Routes that are in no document are left as they are: an EMR may add a query to its notices.
 */
export function refuseQueries(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    const { schema, method } = route;
    const isRead = [method].flat().some((each) => each === 'GET' || each === 'HEAD');
    if (isRead || schema === undefined || schema.hide === true || schema.querystring !== undefined) return;
    route.schema = { ...schema, querystring: NO_QUERY };
  });
}
