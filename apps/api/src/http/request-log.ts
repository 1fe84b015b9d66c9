import type { ErrorCode } from '@emr-payments/contracts';
import type { Logger } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ApiMetrics } from '../metrics.ts';
import { claimedClientId } from './claimed-client-id.ts';
import { knownCallerOf } from './known-caller.ts';
import { sourceOf } from './source.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** Handlers set these three for the request's line in the log. */
    paymentId: string | null;
    jobId: number | null;
    errorCode: ErrorCode | null;
  }
  interface FastifyContextConfig {
    /** Requests of this route are logged at level debug: probes would bury the others. */
    quiet?: boolean;
  }
}

export type RequestLogDeps = {
  logger: Logger;
  metrics: Pick<ApiMetrics, 'request'>;
  /** Called after each answer. */
  onAnswer: (request: FastifyRequest, reply: FastifyReply) => void;
};

/**
 * Writes one log line and one count for each request, with the route's pattern instead of the URL, which may hold MRNs. The
 * client of a request that was refused for its credentials is the one that it claims to be.
 */
export const requestLog = fp<RequestLogDeps>(
  async (app, { logger, metrics, onAnswer }) => {
    app.decorateReply('paymentId', null);
    app.decorateReply('jobId', null);
    app.decorateReply('errorCode', null);
    app.decorateReply('soughtId', null);
    app.addHook('onResponse', (request, reply, done) => {
      const { url: route, config } = request.routeOptions;
      const caller = knownCallerOf(request);
      const clientId = caller?.clientId ?? claimedClientId(request);
      metrics.request({
        route: route ?? 'none',
        method: request.method,
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1000,
      });
      logger[config.quiet === true ? 'debug' : 'info'](
        {
          request_id: request.id,
          method: request.method,
          ...(route === undefined ? {} : { route }),
          status: reply.statusCode,
          duration_ms: Math.round(reply.elapsedTime * 100) / 100,
          source: caller?.source ?? sourceOf(request),
          ...(clientId === null ? {} : { client_id: clientId }),
          ...(caller === null || caller.user === null ? {} : { user_id: caller.user }),
          ...(reply.paymentId === null ? {} : { payment_id: reply.paymentId }),
          ...(reply.jobId === null ? {} : { job_id: reply.jobId }),
          ...(reply.errorCode === null ? {} : { code: reply.errorCode }),
        },
        'request',
      );
      onAnswer(request, reply);
      done();
    });
  },
  { name: 'request-log' },
);
