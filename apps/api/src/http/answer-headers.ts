import { HEADERS } from '@emr-payments/contracts';
import fp from 'fastify-plugin';

/**
 * Headers of every answer. The security ones are those that OWASP's REST sheet asks of a JSON API; pages for people
 * get theirs from helmet (openapi/docs-page.ts). HSTS belongs to whatever ends TLS.
 *
 * While the process stops, `connection: close` goes with each answer: a kept-alive connection would hold up the stop
 * for as long as its client likes (fastify issue 7044).
 */
export const answerHeaders = fp(
  async (app) => {
    let stopping = false;
    app.addHook('preClose', async () => {
      stopping = true;
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      reply.header(HEADERS.requestId, request.id);
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
      reply.header('x-content-type-options', 'nosniff');
      if (stopping) reply.header('connection', 'close');
      done(null, payload);
    });
  },
  { name: 'answer-headers' },
);
