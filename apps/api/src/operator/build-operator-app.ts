import type { AuditCounter, Database } from '@emr-payments/db';
import type { ServiceSettings } from '@emr-payments/operations';
import type { SandboxHosts } from '@emr-payments/outbound';
import { createShares, type Keyring, type Logger } from '@emr-payments/runtime';
import type { FastifyInstance } from 'fastify';
import { demandAudit } from '../audit/audited-routes.ts';
import { createCostlyReads } from '../bulkheads/costly-reads.ts';
import { createApp } from '../create-app.ts';
import { docsPage } from '../document/docs-page.ts';
import { publishedDocument } from '../document/published-document.ts';
import { LIMITS, type Limits } from '../limits.ts';
import type { ApiMetrics } from '../metrics.ts';
import { createSourceFailures } from '../rate-limit/source-failures.ts';
import { OPERATOR_ROUTES } from './audited-routes.ts';
import { createOperatorCheck } from './auth/operator-check.ts';
import { operatorHook } from './auth/operator-hook.ts';
import { addOperatorComponents } from './components.ts';
import type { OperatorDeps } from './deps.ts';
import { scopeOf } from './operation.ts';
import { auditRoutes } from './routes/audit-routes.ts';
import { clientRoutes } from './routes/client-routes.ts';
import { connectionRoutes } from './routes/connection-routes.ts';
import { endpointRoutes } from './routes/endpoint-routes.ts';
import { eventRoutes } from './routes/event-routes.ts';
import { holdRoutes } from './routes/hold-routes.ts';
import { oauthAppRoutes } from './routes/oauth-app-routes.ts';
import { returnUrlRoutes } from './routes/return-url-routes.ts';
import { statusRoutes } from './routes/status-routes.ts';
import { syncRoutes } from './routes/sync-routes.ts';
import { userRoutes } from './routes/user-routes.ts';
import { worklistRoutes } from './routes/worklist-routes.ts';

export type OperatorAppDeps = {
  logger: Logger;
  metrics: Pick<ApiMetrics, 'request'>;
  stopping: AbortSignal;
  /** Counts rejected keys for the audit log. */
  audit: Pick<AuditCounter, 'credentials'>;
  keyring: Keyring;
  sandboxHosts: SandboxHosts;
  /** The beginning of the addresses of the connect page; undefined where this API has none. */
  publicUrl: string | undefined;
  /** Opens connections of the operator's API alone. They are closed with the app. */
  openDatabase: () => Database;
  /** The settings of this process, for the checks of the whole service. */
  readSettings: () => ServiceSettings;
};

export type OperatorAppOptions = {
  trustProxy?: readonly string[] | undefined;
  /** Failed authentications after which an address is refused for the rest of the minute; 0 means no limit. */
  authFailuresPerMinute?: number;
  /** Requests a second of one key, in this process; 0 means no limit. */
  perSecond?: number;
  limits?: Partial<Limits>;
  /** Sees all routes with their schemas, to make the OpenAPI document of them. */
  describe?: (app: FastifyInstance) => Promise<void>;
};

/** Work at once, as the pool of the operator's API has connections (`openOperatorDatabase`), and how much of it one key gets. */
const PLACES_OF_ALL = 3;
const PLACES_OF_A_KEY = 2;
const WAITING_OF_A_KEY = 20;
const WAIT_MS = 5_000;
/** A person or a console needs no more. */
const PER_SECOND = 20;
/** Connections that are tried at once: each takes up to half a minute, and most of a check is waiting for an EMR. */
const TRIALS = { places: 8, perOwner: 2 } as const;

/**
 * Builds the operator's API, ready for requests below `/operator`. Its connections to PostgreSQL are its own and a key has a share of them,
 * so that nothing that an operator lists takes what accepting a payment needs.
 */
export async function buildOperatorApp(
  deps: OperatorAppDeps,
  options: OperatorAppOptions = {},
): Promise<FastifyInstance> {
  const { logger, metrics, stopping, audit, keyring, sandboxHosts, publicUrl, readSettings } = deps;
  const limits = { ...LIMITS, ...options.limits };
  const { app, routesDone } = await createApp(
    { logger, metrics, stopping, onAnswer: () => undefined },
    { limits, trustProxy: options.trustProxy },
  );
  const audited = demandAudit(app, {
    below: '/operator/v1/',
    listed: OPERATOR_ROUTES,
    file: 'apps/api/src/operator/audited-routes.ts',
  });
  await options.describe?.(app);
  addOperatorComponents(app);
  const database = deps.openDatabase();
  app.addHook('onClose', () => database.close());
  const shares = createShares({
    places: PLACES_OF_ALL,
    perOwner: PLACES_OF_A_KEY,
    waitingPerOwner: WAITING_OF_A_KEY,
    waitMs: WAIT_MS,
    work: 'requests of one operator key',
  });
  const trials = createShares({
    ...TRIALS,
    waitingPerOwner: 0,
    waitMs: 0,
    work: 'trials of connections of one operator key',
  });
  const costly = createCostlyReads({ database, shares });
  const routeDeps: OperatorDeps = {
    database,
    keyring,
    sandboxHosts,
    publicUrl,
    shares,
    trials,
    costly,
    limits,
    readSettings,
  };

  const { authFailuresPerMinute = 0, perSecond = PER_SECOND } = options;
  await app.register(async (scope) => {
    // A route that does not say which scope it takes ends the start.
    scope.addHook('onRoute', ({ schema }) => void scopeOf(schema));
    scope.addHook(
      'onRequest',
      operatorHook({
        check: createOperatorCheck({ database, logger }),
        sources: createSourceFailures(authFailuresPerMinute),
        failuresPerMinute: authFailuresPerMinute,
        perSecond,
        audit,
        limits,
      }),
    );
    await scope.register(clientRoutes, routeDeps);
    await scope.register(returnUrlRoutes, routeDeps);
    await scope.register(endpointRoutes, routeDeps);
    await scope.register(eventRoutes, routeDeps);
    await scope.register(userRoutes, routeDeps);
    await scope.register(connectionRoutes, routeDeps);
    await scope.register(syncRoutes, routeDeps);
    await scope.register(oauthAppRoutes, routeDeps);
    await scope.register(holdRoutes, routeDeps);
    await scope.register(worklistRoutes, routeDeps);
    await scope.register(auditRoutes, routeDeps);
    await scope.register(statusRoutes, routeDeps);
  });
  await app.register(publishedDocument, { at: '/operator/openapi.json', name: 'operator-openapi.json' });
  await docsPage(app, { at: '/operator/docs', title: 'EMR Payments: operator API' });
  audited();
  routesDone();
  return app;
}
