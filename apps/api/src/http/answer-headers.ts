import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '@emr-payments/contracts';
import fp from 'fastify-plugin';
import { SECURITY_HEADERS } from '../security-headers.ts';

const SANE_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Takes the caller's own `x-request-id` when it is sane, else makes a UUID: the id goes into logs and answers. */
export function requestId(request: { headers: IncomingHttpHeaders }): string {
  const own = request.headers[HEADERS.requestId];
  return typeof own === 'string' && SANE_ID.test(own) ? own : randomUUID();
}

const EACH = Object.entries(SECURITY_HEADERS);

/**
 * Adds the headers of every answer. HSTS belongs to the proxy that ends TLS.
 *
 * While the process stops, its drain included, every answer carries `connection: close`. A kept-alive connection would delay
 * the stop for as long as its client keeps it open (fastify issue 7044); and a client that sends on one in the moment in which
 * it is closed loses its request, so those in use are ended by an answer, which no request can cross.
 */
export const answerHeaders = fp<{ stopping: AbortSignal }>(
  async (app, { stopping }) => {
    let closing = false;
    app.addHook('preClose', async () => {
      closing = true;
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      reply.header(HEADERS.requestId, request.id);
      if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
      for (const [name, value] of EACH) if (!reply.hasHeader(name)) reply.header(name, value);
      if (closing || stopping.aborted) reply.header('connection', 'close');
      done(null, payload);
    });
  },
  { name: 'answer-headers' },
);
