import type { Acceptor, AuditCounter } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { demandAudit } from './audit/audited-routes.ts';
import { countAnswer } from './audit/count-answer.ts';
import { type CredentialLookup, createAuthenticate, createAuthenticateClient } from './auth/credentials.ts';
import type { ImportBulkhead } from './bulkheads/import-bulkhead.ts';
import type { ConnectPageDeps } from './connect-page/page-deps.ts';
import { connectPageRoutes } from './connect-page/page-routes.ts';
import { connectSessionRoutes } from './connect-sessions/session-routes.ts';
import { createEmrShares } from './connection/ask-connection.ts';
import type { AdaptersOf } from './connection/late-adapters.ts';
import { connectionRoutes } from './connection/routes.ts';
import { createApp } from './create-app.ts';
import { addComponents } from './document/components.ts';
import { docsPage } from './document/docs-page.ts';
import { publishedDocument } from './document/published-document.ts';
import { startRoute } from './document/start-route.ts';
import { type HealthChecks, healthRoutes } from './health.ts';
import type { OperatorListener } from './http/operator-listener.ts';
import { jobRoutes } from './jobs/routes.ts';
import { LIMITS, type Limits } from './limits.ts';
import { type ApiMetrics, metricsRoute } from './metrics.ts';
import { nameRoutes } from './names/routes.ts';
import { dialectsNoticeReader, type NoticeRouteDeps, noticeRoutes } from './notices/routes.ts';
import { patientImportRoute } from './patients/import-route.ts';
import { createPatientLookUps } from './patients/patient-look-ups.ts';
import { patientRoutes } from './patients/routes.ts';
import { paymentRoutes } from './payments/create-payment-route.ts';
import { paymentReadRoutes } from './payments/read-routes.ts';
import { worklistRoutes } from './payments/worklist-routes.ts';
import { createGate } from './rate-limit/gate.ts';
import type { RateLimiter } from './rate-limit/rate-limiter.ts';
import { createSourceFailures } from './rate-limit/source-failures.ts';
import { reconciliationRoutes } from './reconciliation/routes.ts';
import { syncRoutes } from './sync/routes.ts';
import type { WebhookDeps } from './webhooks/operation.ts';
import { webhookRoutes } from './webhooks/routes.ts';

export type AppDeps = {
  logger: Logger;
  lookup: CredentialLookup;
  acceptor: Pick<Acceptor, 'accept'>;
  metrics: ApiMetrics;
  checks: HealthChecks;
  /** Aborted when the process begins to stop: from then on it is not ready, and its answers end their connections. */
  stopping?: AbortSignal;
  adapters: AdaptersOf;
  /** The connect page, and the address by which browsers reach it. Without it the service has none. */
  connect?: Pick<ConnectPageDeps, 'publicUrl' | 'late' | 'sandboxHosts'> | undefined;
  limiter: RateLimiter;
  /** Counts for the audit log. */
  audit: AuditCounter;
  webhooks: WebhookDeps;
  imports: ImportBulkhead;
  /** Replaces the readers of the dialects. */
  noticeReader?: NoticeRouteDeps['noticeReader'];
};

export type AppOptions = {
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
  trustProxy?: readonly string[];
  /** Failed authentications after which an address is refused for the rest of the minute; 0 means no limit. */
  authFailuresPerMinute?: number;
  /** The bearer token for `/metrics`. Without it, there is no such path. */
  metricsToken?: string | undefined;
  /** Sees all routes with their schemas, to make the OpenAPI document of them. */
  describe?: (app: FastifyInstance) => Promise<void>;
  /** Bounds that replace those of `LIMITS`. */
  limits?: Partial<Limits>;
  /** Answers what is below `/operator`. Without it there is no such path. */
  operatorApi?: OperatorListener | undefined;
};

/**
 * Builds the API, ready to listen. It opens no connection itself: the caller opens the dependencies, and closes them after
 * the app.
 */
export async function buildApp(deps: AppDeps, options: AppOptions = {}): Promise<FastifyInstance> {
  const { logger, audit, stopping = new AbortController().signal } = deps;
  const limits = { ...LIMITS, ...options.limits };
  const { app, routesDone } = await createApp(
    {
      logger,
      metrics: deps.metrics,
      stopping,
      onAnswer: (request, reply) => countAnswer(audit, request, reply),
    },
    { limits, trustProxy: options.trustProxy, operatorApi: options.operatorApi },
  );
  const audited = demandAudit(app);
  await options.describe?.(app);
  addComponents(app);

  await app.register(publishedDocument, { at: '/openapi.json', name: 'openapi.json' });

  await app.register(startRoute);
  const { authFailuresPerMinute = 0, metricsToken } = options;
  if (metricsToken !== undefined) await app.register(metricsRoute, { metrics: deps.metrics, metricsToken });
  await app.register(healthRoutes, { checks: deps.checks, limits, stopping });
  const gate = createGate({
    limiter: deps.limiter,
    sources: createSourceFailures(authFailuresPerMinute),
    audit,
    failuresPerMinute: authFailuresPerMinute,
  });
  const authenticateClient = createAuthenticateClient({ lookup: deps.lookup });
  const authenticate = createAuthenticate({ lookup: deps.lookup, authenticateClient });
  const { database, writes, costly, keyring } = deps.webhooks;
  const emrShares = createEmrShares();
  const { adapters, metrics } = deps;
  const users = { authenticate, gate, limits, database, writes, costly, keyring, adapters, emrShares };
  const lookUps = createPatientLookUps(
    { database, writes, adapters, emrShares, metrics, audit, logger },
    limits,
  );
  await app.register(paymentRoutes, { ...users, acceptor: deps.acceptor, metrics, audit, lookUps });
  await app.register(paymentReadRoutes, users);
  await app.register(worklistRoutes, users);
  await app.register(patientRoutes, users);
  await app.register(patientImportRoute, { ...users, imports: deps.imports, audit });
  await app.register(jobRoutes, users);
  await app.register(reconciliationRoutes, users);
  await app.register(connectionRoutes, users);
  await app.register(nameRoutes, users);
  await app.register(syncRoutes, users);
  await app.register(noticeRoutes, {
    database,
    limits,
    logger,
    noticeReader: deps.noticeReader ?? dialectsNoticeReader,
  });
  await app.register(webhookRoutes, { ...deps.webhooks, authenticateClient, gate, limits });
  const { webhooks, connect } = deps;
  const publicUrl = connect?.publicUrl.replace(/\/+$/, '');
  await app.register(connectSessionRoutes, { ...webhooks, authenticateClient, gate, limits, publicUrl });
  if (connect !== undefined && publicUrl !== undefined)
    await app.register(connectPageRoutes, { ...connect, publicUrl, keyring, limits, logger });
  await docsPage(app, { at: '/docs', title: 'EMR Payments API' });
  audited();
  routesDone();
  return app;
}
