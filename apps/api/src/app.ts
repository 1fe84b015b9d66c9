import { HEADERS } from '@emr-payments/contracts';
import type { Acceptor, CredentialFailures } from '@emr-payments/db';
import type { Adapters } from '@emr-payments/emr';
import type { Logger } from '@emr-payments/runtime';
import accepts from '@fastify/accepts';
import Fastify, { type FastifyInstance } from 'fastify';
import { type CredentialLookup, createAuthenticate, createAuthenticateClient } from './auth/credentials.ts';
import { connectionRoutes } from './connection/routes.ts';
import { docsPage } from './document/docs-page.ts';
import { describeApi } from './document/document.ts';
import { startRoute } from './document/start-route.ts';
import { answerClientError } from './errors/client-error.ts';
import { errorHandler } from './errors/error-handler.ts';
import { answerOtherMethods } from './errors/other-methods.ts';
import { sendError } from './errors/send-error.ts';
import { type HealthChecks, healthRoutes } from './health.ts';
import { answerHeaders, requestId } from './http/answer-headers.ts';
import { onlyJsonBodies } from './http/json-body.ts';
import { requestLog } from './http/request-log.ts';
import { jobRoutes } from './jobs/routes.ts';
import { LIMITS, type Limits } from './limits.ts';
import { type ApiMetrics, metricsRoute } from './metrics.ts';
import { paymentRoutes } from './payments/create-payment-route.ts';
import { paymentReadRoutes } from './payments/read-routes.ts';
import { worklistRoutes } from './payments/worklist-routes.ts';
import { createGate } from './rate-limit/gate.ts';
import type { RateLimiter } from './rate-limit/rate-limiter.ts';
import { createSourceFailures } from './rate-limit/source-failures.ts';
import { reconciliationRoutes } from './reconciliation/routes.ts';
import { compilersFactory } from './validation/compilers.ts';
import type { WebhookDeps } from './webhooks/operation.ts';
import { webhookRoutes } from './webhooks/routes.ts';

export type AppDeps = {
  logger: Logger;
  lookup: CredentialLookup;
  acceptor: Pick<Acceptor, 'accept'>;
  metrics: ApiMetrics;
  checks: HealthChecks;
  adapters: Adapters;
  limiter: RateLimiter;
  /** Failed uses of credentials, for the audit log. */
  failures: Pick<CredentialFailures, 'note'>;
  webhooks: WebhookDeps;
};

export type AppOptions = {
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[];
  /** Failed authentications from one address, before it is not looked at for the rest of a minute; 0 is no limit. */
  authFailuresPerMinute?: number;
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
  app.decorateRequest('clientCaller', null);
  app.setErrorHandler(onError);
  app.setNotFoundHandler((request, reply) => sendError(request, reply, 'route_not_found'));
  await app.register(accepts);
  onlyJsonBodies(app);
  const routesDone = answerOtherMethods(app);
  await app.register(answerHeaders);
  await app.register(requestLog, { logger, metrics: deps.metrics });
  await describeApi(app);

  await app.register(startRoute);
  await app.register(metricsRoute, { metrics: deps.metrics });
  await app.register(healthRoutes, { checks: deps.checks, limits });
  const { authFailuresPerMinute = 0 } = options;
  const gate = createGate({
    limiter: deps.limiter,
    sources: createSourceFailures(authFailuresPerMinute),
    failures: deps.failures,
    failuresPerMinute: authFailuresPerMinute,
  });
  const authenticateClient = createAuthenticateClient({ lookup: deps.lookup });
  const authenticate = createAuthenticate({ lookup: deps.lookup, authenticateClient });
  const { database, keyring } = deps.webhooks;
  const users = { authenticate, gate, limits, database, keyring, adapters: deps.adapters };
  await app.register(paymentRoutes, { ...users, acceptor: deps.acceptor, metrics: deps.metrics });
  await app.register(paymentReadRoutes, users);
  await app.register(worklistRoutes, users);
  await app.register(jobRoutes, users);
  await app.register(reconciliationRoutes, users);
  await app.register(connectionRoutes, users);
  await app.register(webhookRoutes, { ...deps.webhooks, authenticateClient, gate, limits });
  await docsPage(app);
  routesDone();
  return app;
}
