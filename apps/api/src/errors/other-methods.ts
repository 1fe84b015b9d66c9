import { METHODS } from 'node:http';
import type { FastifyInstance, HTTPMethods } from 'fastify';
import { sendError } from './send-error.ts';

/**
 * Answers the methods that a known path does not have: 405 with `Allow`, and 204 with `Allow` to OPTIONS. Call it before
 * the routes are registered, and the returned function after them. By hand: Fastify answers 404 in this case and has no
 * option for it.
 */
export function answerOtherMethods(app: FastifyInstance): () => void {
  const urls = new Set<string>();
  app.addHook('onRoute', ({ url }) => {
    urls.add(url);
  });
  // CONNECT never reaches a router: Node gives it to a listener of its own.
  const known = METHODS.filter((method) => method !== 'CONNECT');
  for (const method of known) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  }

  return () => {
    for (const url of [...urls]) {
      const has = (method: string) => app.hasRoute({ url, method: method as HTTPMethods });
      const allow = known.filter(has).join(', ');
      app.route({
        url,
        method: known.filter((method) => !has(method)),
        schema: { hide: true },
        // Before the body is parsed: the method is wrong whatever the body is.
        onRequest(request, reply, _done) {
          reply.header('allow', allow);
          if (request.method === 'OPTIONS') reply.code(204).send();
          else sendError(request, reply, 'method_not_allowed', { allow });
        },
        handler: () => Promise.reject(new Error('answered by the hook above')),
      });
    }
  };
}
