import { type Span, type Tracer, tracerOfProcess } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { claimedClientId } from './claimed-client-id.ts';
import { knownCallerOf } from './known-caller.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's span; null when it is not traced. */
    span: Span | null;
    /** Starts its span; null before the request is to be traced, and once it was called. */
    startSpan: (() => void) | null;
  }
}

/**
 * Records a span for each request that is sampled, with the route's pattern in place of the URL, which may hold MRNs.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 *
 * Only a caller whose credentials were accepted may have its trace continued, so the span is started after the routes' hooks that check
 * them, with the time of the request's arrival. The span of a request that those refuse is started, and ended, once its answer has left.
 *
 * The handlers run under the span. Fastify calls them from the events by which a body arrives, which belong to the connection and not to
 * the request: so the span is entered again when the body is there.
 */
export const traceRequests = fp(
  async (app) => {
    const tracer = tracerOfProcess();
    if (tracer === undefined) return;

    app.addHook('onRequest', (request, reply, done) => {
      // There would be more spans of probes than of all other requests. The log leaves them out too.
      if (request.routeOptions.config.quiet === true) return done();
      const startedAt = Date.now();
      const arrivedAt = performance.now();
      request.startSpan = () => {
        request.startSpan = null;
        request.span = start(tracer, request, startedAt) ?? null;
      };
      // The log writes its line at the same event, after this: it names the span.
      reply.raw.once('close', () => {
        request.startSpan?.();
        if (request.span === null) return;
        note(request.span, request, reply);
        // OpenTelemetry measures a span that was given its start by whole milliseconds only.
        request.span.end(startedAt + performance.now() - arrivedAt);
      });
      tracer.run(undefined, done);
    });
    app.addHook('preParsing', (request, _reply, _payload, done) => {
      request.startSpan?.();
      tracer.run(request.span ?? undefined, done);
    });
    app.addHook('preValidation', (request, _reply, done) => {
      tracer.run(request.span ?? undefined, done);
    });
  },
  { name: 'trace-requests' },
);

function start(tracer: Tracer, request: FastifyRequest, startedAt: number): Span | undefined {
  const { method } = request;
  const { url: route } = request.routeOptions;
  const { traceparent } = request.headers;
  return tracer.startRequest(
    {
      // Node refuses methods that it does not know, so there are few names.
      name: route === undefined ? method : `${method} ${route}`,
      kind: 'server',
      startedAt,
      attributes: {
        'http.request.method': method,
        'http.route': route,
        // Behind a trusted proxy `protocol` is the text of a header, which may come from the caller.
        'url.scheme': request.protocol === 'https' ? 'https' : 'http',
      },
    },
    {
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      isKnown: knownCallerOf(request) !== null || request.operator !== null,
    },
  );
}

function note(span: Span, request: FastifyRequest, reply: FastifyReply): void {
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
}
