import { HEADERS } from '@emr-payments/contracts';
import type { Acceptor } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';
import Fastify, { type FastifyInstance } from 'fastify';
import { type CredentialLookup, createAuthenticate } from './auth/credentials.ts';
import { answerClientError } from './errors/client-error.ts';
import { errorHandler } from './errors/error-handler.ts';
import { sendError } from './errors/send-error.ts';
import { type HealthChecks, healthRoutes } from './health.ts';
import { answerHeaders } from './http/answer-headers.ts';
import { onlyJsonBodies } from './http/json-body.ts';
import { answerOtherMethods } from './http/other-methods.ts';
import { requestId } from './http/request-id.ts';
import { requestLog } from './http/request-log.ts';
import { LIMITS, type Limits } from './limits.ts';
import { docsPage } from './openapi/docs-page.ts';
import { describeApi } from './openapi/document.ts';
import { paymentRoutes } from './payments/routes.ts';
import { compilersFactory } from './validation/compilers.ts';

export type AppDeps = {
  logger: Logger;
  lookup: CredentialLookup;
  acceptor: Pick<Acceptor, 'accept'>;
  checks: HealthChecks;
};

export type AppOptions = {
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[];
  /** Other bounds than the usual ones. */
  limits?: Partial<Limits>;
};

/**
 * The API, ready to listen. It opens nothing itself: what it needs comes in, and whoever made that closes it after
 * the app.
 */
export async function buildApp(deps: AppDeps, options: AppOptions = {}): Promise<FastifyInstance> {
  const { logger } = deps;
  const limits = { ...LIMITS, ...options.limits };
  const onError = errorHandler({ logger });
  const app: FastifyInstance = Fastify({
    logger: false,
    genReqId: requestId,
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    // A request that comes while the process stops is answered like any other, with `connection: close`.
    return503OnClosing: false,
    trustProxy: options.trustProxy === undefined ? false : [...options.trustProxy],
    http: {
      maxHeaderSize: limits.headerBytes,
      // Given here too: set on a server that is made already, as Fastify does, Node keeps to its 60 s for headers.
      requestTimeout: limits.requestMs,
      headersTimeout: limits.requestMs,
      // How often Node looks for requests that are late. Its default of 30 s would stretch the bound to as much more.
      connectionsCheckingInterval: Math.ceil(limits.requestMs / 5),
    },
    schemaController: { compilersFactory: compilersFactory() },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      // No hooks are run for what the router cannot read.
      reply.header(HEADERS.requestId, request.id);
      onError(error, request, reply);
    },
  });

  app.decorateRequest('caller', null);
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request, reply) => sendError(request, reply, 'route_not_found'));
  onlyJsonBodies(app);
  const routesDone = answerOtherMethods(app);
  await app.register(answerHeaders);
  await app.register(requestLog, { logger });
  await describeApi(app);

  await app.register(healthRoutes, { checks: deps.checks, limits });
  await app.register(paymentRoutes, {
    acceptor: deps.acceptor,
    authenticate: createAuthenticate({ lookup: deps.lookup }),
    limits,
  });
  await docsPage(app);
  routesDone();
  return app;
}
