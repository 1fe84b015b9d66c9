import { type Span, tracerOfProcess } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { claimedClientId } from './claimed-client-id.ts';
import { knownCallerOf } from './known-caller.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's span; null when it is not traced. */
    span: Span | null;
  }
}

/**
 * Records a span for each request that is sampled: it continues the trace of a well-formed `traceparent`, and has the route's pattern in
 * place of the URL, which may hold MRNs. https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 *
 * The handlers run under the span. Fastify calls them from the events by which a body arrives, which belong to the connection and not to
 * the request: so the span is entered again when the body is there.
 */
export const traceRequests = fp(
  async (app) => {
    const tracer = tracerOfProcess();
    if (tracer === undefined) return;

    app.addHook('onRequest', (request, reply, done) => {
      const { url: route, config } = request.routeOptions;
      // There would be more spans of probes than of all other requests. The log leaves them out too.
      if (config.quiet === true) return done();
      const { method } = request;
      const { traceparent } = request.headers;
      const span = tracer.startRequest(
        {
          // Node refuses methods that it does not know, so there are few names.
          name: route === undefined ? method : `${method} ${route}`,
          kind: 'server',
          attributes: {
            'http.request.method': method,
            'http.route': route,
            // Behind a trusted proxy `protocol` is the text of a header, which may come from the caller.
            'url.scheme': request.protocol === 'https' ? 'https' : 'http',
          },
        },
        typeof traceparent === 'string' ? traceparent : undefined,
      );
      if (span === undefined) return tracer.run(undefined, done);
      request.span = span;
      reply.raw.once('close', () => end(span, request, reply));
      tracer.run(span, done);
    });
    app.addHook('preValidation', (request, _reply, done) => {
      tracer.run(request.span ?? undefined, done);
    });
  },
  { name: 'trace-requests' },
);

function end(span: Span, request: FastifyRequest, reply: FastifyReply): void {
  const caller = knownCallerOf(request);
  span.set({
    'http.response.status_code': reply.statusCode,
    'emr_payments.request_id': request.id,
    'emr_payments.client_id': caller?.clientId ?? claimedClientId(request) ?? undefined,
    'emr_payments.user_id': caller?.user ?? undefined,
    'emr_payments.payment_id': reply.paymentId ?? undefined,
    'emr_payments.job_id': reply.jobId === null ? undefined : String(reply.jobId),
    'emr_payments.code': reply.errorCode ?? undefined,
  });
  // A 4xx is a mistake of the caller, so the span of the server has not failed.
  if (reply.statusCode >= 500) span.fail(String(reply.statusCode));
  else if (!reply.raw.writableFinished) span.fail('hung_up');
  span.end();
}
