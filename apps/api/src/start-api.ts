import {
  createAcceptor,
  createAuditCounter,
  findClient,
  findUserByToken,
  keepConnected,
  openDatabaseCheck,
  refuseSharedSessions,
} from '@emr-payments/db';
import {
  configOrExit,
  createLogger,
  namingVariables,
  openTracing,
  runProcess,
  within,
} from '@emr-payments/runtime';
import { addPartGauges, addPoolMetrics } from '@emr-payments/runtime/metrics';
import { openQueueProbe } from '@emr-payments/runtime/queue-probe';
import { refuseUnfitRedis } from '@emr-payments/runtime/redis';
import { createAgents, dnsResolve } from '@emr-payments/webhooks';
import { buildApp } from './app.ts';
import { openBulkheads } from './bulkheads/open-bulkheads.ts';
import { openOperatorDatabase } from './bulkheads/open-operator-database.ts';
import { readConfig } from './config.ts';
import { openLateConnect } from './connect-page/late-connect.ts';
import { openLateAdapters } from './connection/late-adapters.ts';
import { openHealthServer } from './health-server.ts';
import { closePort } from './http/close-port.ts';
import { createApiMetrics } from './metrics.ts';
import { openLateOperatorApi } from './operator/late-operator-api.ts';
import { startDemandSharing } from './rate-limit/demand-sharing.ts';
import { createRateLimiter } from './rate-limit/rate-limiter.ts';

const config = configOrExit(readConfig);
const logger = createLogger('api', config.LOG_LEVEL);

/** Time left to close the database after the last request was cut off. */
const CLOSE_MS = 2000;
/** How much of it renewals of access tokens under way may take. */
const TOKENS_END_MS = 1000;

const { DRAIN_MS: drainMs } = config;
await runProcess({ logger, graceMs: config.STOP_GRACE_MS + CLOSE_MS, drainMs }, async (releases) => {
  const { stopping } = releases;
  const { databaseUrl, directUrl } = config;
  await refuseUnfitRedis({ logger }, { redisUrl: config.REDIS_URL });
  await refuseSharedSessions({ DATABASE_DIRECT_URL: directUrl, DATABASE_URL: databaseUrl });
  // First, so that it is closed last: all that is closed before may still record spans.
  releases.add(
    'traces',
    await openTracing(
      { logger },
      { service: 'emr-payments-api', config: config.tracing, unread: config.unreadTracing },
    ),
    (it) => it.close(),
  );
  const { accepting, database, writes, costly, redeliveries, imports, pools } = releases.add(
    'database',
    openBulkheads({
      url: config.databaseUrl,
      acceptPoolSize: config.DATABASE_ACCEPT_POOL_SIZE,
      poolSize: config.DATABASE_POOL_SIZE,
      readPoolSize: config.DATABASE_READ_POOL_SIZE,
      readTimeoutMs: config.READ_TIMEOUT_MS,
    }),
    (it) => it.close(),
  );
  releases.add('accepting connection', keepConnected({ database: accepting }), (it) => it.close());
  const queue = releases.add(
    'queue',
    openQueueProbe({ logger }, { redisUrl: config.REDIS_URL, databaseUrl: config.directUrl }),
    (it) => it.close(),
  );
  const databaseCheck = releases.add(
    'database check',
    openDatabaseCheck({
      url: config.databaseUrl,
      applicationName: 'emr-payments-api health',
      purpose: 'accept',
      working: accepting,
    }),
    (it) => it.close(),
  );
  const checks = {
    postgres: () => databaseCheck.trouble(),
    queue: () => queue.trouble(),
  };
  const { keyring } = config;
  const metrics = createApiMetrics();
  addPartGauges({ registry: metrics.registry, checks, clockAheadMs: databaseCheck.clockAheadMs });
  addPoolMetrics(metrics.registry, pools);
  const policy = { allowHosts: config.allowHosts };
  const agents = releases.add('webhook agents', createAgents({ policy }), (it) => it.close());
  const limiter = createRateLimiter({
    clientPerSecond: config.RATE_LIMIT_CLIENT_PER_SECOND,
    userPerSecond: config.RATE_LIMIT_USER_PER_SECOND,
  });
  releases.add('rate limits', startDemandSharing({ database, limiter, logger }), (it) => it.close());
  const audit = releases.add(
    'audit',
    createAuditCounter({
      database,
      onError: (err) => {
        metrics.auditNotWritten();
        logger.error({ err }, 'the audit log could not be written; it will be tried again');
      },
      onLost: (count) => logger.error({ count }, 'actions are missing in the audit log'),
      onRefused: metrics.tenantRefused,
    }),
    (it) => it.close(),
  );
  const { adapters } = releases.add(
    'access tokens',
    openLateAdapters({
      database,
      keyring,
      sandboxHosts: config.sandboxHosts,
      onFault: (err) => logger.error({ err }, 'a fault of ours prevented a call to an EMR'),
    }),
    // A pair that a vendor has given in exchange for the old token is stored before the database closes.
    (it) => within(TOKENS_END_MS, it.settled()),
  );
  const late = releases.add('connect page', openLateConnect({ url: config.databaseUrl }), (it) => it.close());
  const operatorApi =
    config.OPERATOR_API === 'off'
      ? undefined
      : releases.add(
          'operator api',
          openLateOperatorApi(
            {
              logger,
              metrics,
              stopping: stopping.signal,
              audit,
              keyring,
              sandboxHosts: config.sandboxHosts,
              publicUrl: config.PUBLIC_URL,
              openDatabase: () =>
                openOperatorDatabase({ url: config.databaseUrl, statementMs: config.READ_TIMEOUT_MS }),
              readSettings: () => ({
                origin: 'the environment',
                databaseUrl: config.databaseUrl,
                directUrl: config.directUrl,
                redisUrl: config.REDIS_URL,
                readKeyring: () => keyring,
              }),
              onFault: (err) => logger.error({ err }, "the operator's API could not be opened"),
            },
            {
              authFailuresPerMinute: config.AUTH_FAILURES_PER_MINUTE,
              trustProxy: config.trustProxy,
            },
          ),
          (it) => it.close(),
        ).listener;
  const app = await buildApp(
    {
      logger,
      lookup: {
        findClient: (clientId) => findClient({ database: accepting }, { clientId }),
        findUser: (key) => findUserByToken({ database: accepting }, key),
      },
      acceptor: createAcceptor({ database: accepting, onBatch: metrics.batch }),
      metrics,
      checks,
      stopping: stopping.signal,
      adapters,
      imports,
      ...(config.PUBLIC_URL === undefined
        ? {}
        : { connect: { publicUrl: config.PUBLIC_URL, late, sandboxHosts: config.sandboxHosts } }),
      limiter,
      audit,
      webhooks: {
        database,
        writes,
        costly,
        redeliveries,
        keyring,
        send: { policy, agents },
        resolve: dnsResolve(),
      },
    },
    {
      authFailuresPerMinute: config.AUTH_FAILURES_PER_MINUTE,
      metricsToken: config.METRICS_TOKEN,
      operatorApi,
      ...(config.trustProxy === undefined ? {} : { trustProxy: config.trustProxy }),
    },
  );
  const listenForHealth = await openHealthServer({ config, releases, checks, metrics });
  releases.add('http', app, async (it) => {
    await stopping.drained();
    // Requests in flight get time to end; those that do not are cut off, so that everything else closes in order.
    const cutOff = setTimeout(() => it.server.closeAllConnections(), config.STOP_GRACE_MS);
    await closePort(it.server);
    await it.close();
    clearTimeout(cutOff);
  });
  await namingVariables({ host: config.HOST, port: config.PORT, portVariable: 'PORT' }, (at) =>
    app.listen(at),
  );
  const healthPort = await listenForHealth();
  const address = app.server.address();
  logger.info(
    {
      ...(typeof address === 'object' && address !== null ? { port: address.port } : {}),
      ...(healthPort === null ? {} : { health_port: healthPort }),
      backend: queue.backend,
    },
    'listening',
  );
});
