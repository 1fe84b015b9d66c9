import type { ErrorCode } from '@emr-payments/contracts';
import { type Logger, traceFields } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { ApiMetrics } from '../metrics.ts';
import { claimedClientId } from './claimed-client-id.ts';
import { knownCallerOf } from './known-caller.ts';
import './operator-caller.ts';
import { sourceOf } from './source.ts';
import './trace-requests.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** Handlers set these three for the request's line in the log. */
    paymentId: string | null;
    jobId: number | null;
    errorCode: ErrorCode | null;
    /** True when the request has been given to `onAnswer`. */
    answered: boolean;
    /** True when its line has been written. */
    logged: boolean;
  }
  interface FastifyContextConfig {
    /** Requests of this route are logged at level debug: probes would bury the others. */
    quiet?: boolean;
  }
}

export type RequestLogDeps = {
  logger: Logger;
  metrics: Pick<ApiMetrics, 'request'>;
  /** Called once for each request, when its answer is known and before a byte of it leaves. */
  onAnswer: (request: FastifyRequest, reply: FastifyReply) => void;
};

/**
 * Writes one log line and one count for each request, with the route's pattern instead of the URL, which may hold MRNs. The
 * client of a request that was refused for its credentials is the one that it claims to be.
 *
 * Fastify's `onResponse` runs only for an answer that has left whole. A caller who closes the connection before must not escape
 * the log and the audit log: what the request did is done, and what has been sent has been read.
 */
export const requestLog = fp<RequestLogDeps>(
  async (app, { logger, metrics, onAnswer }) => {
    app.decorateReply('paymentId', null);
    app.decorateReply('jobId', null);
    app.decorateReply('errorCode', null);
    app.decorateReply('soughtId', null);
    app.decorateReply('answered', false);
    app.decorateReply('logged', false);

    function log(request: FastifyRequest, reply: FastifyReply): void {
      if (reply.logged) return;
      reply.logged = true;
      const { url: route, config } = request.routeOptions;
      const caller = knownCallerOf(request);
      metrics.request({
        route: route ?? 'none',
        method: request.method,
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1000,
        code: reply.errorCode,
      });
      logger[config.quiet === true ? 'debug' : 'info'](
        {
          request_id: request.id,
          method: request.method,
          route,
          status: reply.statusCode,
          duration_ms: Math.round(reply.elapsedTime * 100) / 100,
          source: caller?.source ?? sourceOf(request),
          client_id: caller?.clientId ?? claimedClientId(request) ?? undefined,
          user_id: caller?.user ?? undefined,
          operator_key: request.operator?.keyId,
          payment_id: reply.paymentId ?? undefined,
          job_id: reply.jobId ?? undefined,
          code: reply.errorCode ?? undefined,
          ...traceFields(request.span ?? undefined),
        },
        'request',
      );
    }

    app.addHook('onSend', (request, reply, _payload, done) => {
      if (!reply.answered) {
        reply.answered = true;
        onAnswer(request, reply);
        // A response whose caller has gone has been closed already.
        if (request.raw.socket.destroyed) log(request, reply);
        else reply.raw.once('close', () => log(request, reply));
      }
      done();
    });
    app.addHook('onResponse', (request, reply, done) => {
      log(request, reply);
      done();
    });
  },
  { name: 'request-log' },
);
