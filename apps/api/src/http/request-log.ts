import type { ErrorCode } from '@emr-payments/contracts';
import type { Logger } from '@emr-payments/runtime';
import fp from 'fastify-plugin';
import type { ApiMetrics } from '../metrics.ts';

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

/** Writes one log line and one count for each request, with the route's pattern instead of the URL, which may hold MRNs. */
export const requestLog = fp<{ logger: Logger; metrics: Pick<ApiMetrics, 'request'> }>(
  async (app, { logger, metrics }) => {
    app.decorateReply('paymentId', null);
    app.decorateReply('jobId', null);
    app.decorateReply('errorCode', null);
    app.addHook('onResponse', (request, reply, done) => {
      const { url: route, config } = request.routeOptions;
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
          ...(reply.paymentId === null ? {} : { payment_id: reply.paymentId }),
          ...(reply.jobId === null ? {} : { job_id: reply.jobId }),
          ...(reply.errorCode === null ? {} : { code: reply.errorCode }),
        },
        'request',
      );
      done();
    });
  },
  { name: 'request-log' },
);
