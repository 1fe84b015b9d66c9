import {
  openCredentials,
  openDatabaseCheck,
  openServiceDatabase,
  refuseSharedSessions,
} from '@emr-payments/db';
import { createAdapters } from '@emr-payments/emr';
import {
  clientModeRule,
  keepLists,
  openAdapterDeps,
  type SharedAdapterDeps,
} from '@emr-payments/operations/serving';
import {
  createOpenedSecrets,
  type Logger,
  namingVariables,
  openTracing,
  type Releases,
  type TakenEntry,
  within,
} from '@emr-payments/runtime';
import { addPartGauges, addPoolMetrics } from '@emr-payments/runtime/metrics';
import { watchForSilence } from '@emr-payments/runtime/postgres-pool';
import { openTransport } from '@emr-payments/runtime/queues';
import { refuseUnfitRedis } from '@emr-payments/runtime/redis';
import { createAgents, parseWebhookKey, sendWebhook } from '@emr-payments/webhooks';
import type { WorkerConfig } from './config.ts';
import { buildHealthServer } from './health.ts';
import { deliverWebhook } from './jobs/deliver-webhook.ts';
import type { JobDeps } from './jobs/deps.ts';
import { openHealthNotes } from './jobs/health-notes.ts';
import { runPosting } from './jobs/post-payment.ts';
import { runSync } from './jobs/sync-connection.ts';
import { adapterFaults, linkOpened } from './link-opened.ts';
import { startLaneAdapter } from './loops/adapt-lanes.ts';
import { startHoldWatch } from './loops/hold-watch.ts';
import { createLaneTraffic } from './loops/lane-traffic.ts';
import { createLeaseKeeper } from './loops/leases.ts';
import { openLineageGuard, startLineage, waitForLineage } from './loops/lineage.ts';
import { startPartitions } from './loops/partitions.ts';
import { startRecovery } from './loops/recovery.ts';
import { type Relay, startRelay } from './loops/relay.ts';
import { startRetention } from './loops/retention.ts';
import { startSweeper } from './loops/sweeper.ts';
import { startSyncSchedule } from './loops/sync-schedule.ts';
import { createWorkerMetrics } from './metrics.ts';
import { type JobSteps, jobSteps } from './steps.ts';
import { waitForSchema } from './wait-for-schema.ts';

/**
 * The parts of a worker by which a payment or a delivery moves. The crash suite wraps them, to stop a holder at a chosen
 * point, and replaces them with broken ones, to prove that it notices.
 */
export type WorkerParts = {
  steps: JobSteps;
  createAdapters: typeof createAdapters;
  createLeaseKeeper: typeof createLeaseKeeper;
};

export const workerParts: WorkerParts = { steps: jobSteps, createAdapters, createLeaseKeeper };

/** Syncs at once in this process. Each waits for one EMR most of the time, and gives its place to the next one after a turn. */
const SYNCS = 8;

/** Time for the entries under work to end when the process stops. */
const JOBS_END_MS = 8_000;
type SealedCredentials = Parameters<typeof openCredentials>[1];

/** Time for renewals of access tokens under way to be stored after that. */
const TOKENS_END_MS = 5_000;

/**
 * Starts a worker: opens everything that it needs, in the order of need; `releases` closes it in the reverse order. The health
 * server is opened before, and closed after, all that works: so it shows a worker that waits for the schema, and one that stops.
 */
export async function startWorker(
  { config, logger, parts = workerParts }: { config: WorkerConfig; logger: Logger; parts?: WorkerParts },
  releases: Releases,
): Promise<void> {
  const { databaseUrl, directUrl, redisUrl, leaseMs } = config;
  await refuseUnfitRedis({ logger }, { redisUrl });
  await refuseSharedSessions({ DATABASE_DIRECT_URL: directUrl, DATABASE_URL: databaseUrl });
  // First, so that it is closed last: all that is closed before may still record spans.
  const { tracing, unreadTracing: unread } = config;
  const spans = { service: 'emr-payments-worker', config: tracing, unread };
  releases.add('traces', await openTracing({ logger }, spans), (opened) => opened.close());
  const guard = openLineageGuard({ logger });
  const watch = watchForSilence();
  const database = releases.add(
    'database',
    openServiceDatabase({
      url: databaseUrl,
      poolSize: config.poolSize,
      applicationName: 'emr-payments worker',
      onOpen: guard.onOpen,
      watch,
    }),
    (opened) => opened.close(),
  );
  const transport = releases.add(
    'transport',
    openTransport(
      { logger, watch },
      {
        databaseUrl: directUrl,
        redisUrl,
        concurrency: {
          'post-payment': config.postingConcurrency,
          'deliver-webhook': config.deliveryConcurrency,
          'sync-connection': SYNCS,
        },
      },
    ),
    (opened) => opened.close(),
  );
  const databaseCheck = releases.add(
    'database check',
    openDatabaseCheck({
      url: databaseUrl,
      applicationName: 'emr-payments worker health',
      purpose: 'work',
      working: database,
    }),
    (opened) => opened.close(),
  );
  const checks = {
    postgres: () => databaseCheck.trouble(),
    queue: () => transport.trouble(),
  };
  const metrics = createWorkerMetrics({ database });
  addPartGauges({ registry: metrics.registry, checks, clockAheadMs: databaseCheck.clockAheadMs });
  addPoolMetrics(
    metrics.registry,
    Object.entries(database.pools).map(([name, pool]) => ({ name, pool })),
  );
  const { stopping } = releases;
  let isLineageChecked = false;
  const health = releases.add(
    'health server',
    buildHealthServer({
      checks,
      workerTrouble: () => (isLineageChecked ? null : 'lineage_unchecked'),
      metrics,
      metricsToken: config.metricsToken,
      stopping: stopping.signal,
    }),
    async (opened) => {
      // Nobody sends work to a worker, so it takes no more of it at once; its state and its last numbers can be read this long.
      await stopping.drained();
      await opened.close();
    },
  );
  const port = await namingVariables(
    { host: config.host, port: config.healthPort, portVariable: 'HEALTH_PORT' },
    (at) => health.listen(at),
  );
  logger.info({ port, backend: transport.backend }, 'listening');
  const isThere = await waitForSchema({ check: databaseCheck, logger }, { stopping: stopping.signal });
  if (!isThere) return;
  const lineage = { database, guard, marks: transport.marks, logger };
  if (!(await waitForLineage(lineage, { stopping: stopping.signal }))) return;
  isLineageChecked = true;
  releases.add('lineage', startLineage(lineage), (opened) => opened.close());

  const policy = { allowHosts: config.allowHosts };
  const agents = releases.add('webhook agents', createAgents({ policy }), (opened) => opened.close());
  const signingKeys = releases.add(
    'signing keys',
    createOpenedSecrets({ keyring: config.keyring }, { read: parseWebhookKey }),
    (opened) => opened.close(),
  );
  const leases = releases.add(
    'leases',
    parts.createLeaseKeeper({ database, logger }, { leaseMs }),
    (opened) => opened.close(),
  );

  const faults = {
    database,
    keyring: config.keyring,
    sandboxHosts: config.sandboxHosts,
    onFault: adapterFaults(logger),
  };
  // A pair that a vendor has given in exchange for the old token is stored before the database closes.
  const settled = (opened: SharedAdapterDeps) => within(TOKENS_END_MS, opened.settled());
  const shared = releases.add('access tokens', openAdapterDeps(faults, { yields: false }), settled);
  const yielding = releases.add('access tokens of syncs', openAdapterDeps(faults, { yields: true }), settled);
  const opening = {
    credentialsOf: (sealed: SealedCredentials) => openCredentials(config.keyring, sealed),
    refusal: clientModeRule(config),
    onOpen: linkOpened({ database, logger }),
    onLists: keepLists(faults),
  };
  const traffic = createLaneTraffic();
  const notes = releases.add(
    'health notes',
    openHealthNotes({ database, logger, steps: parts.steps }),
    (opened) => opened.close(),
  );
  let relay: Relay | undefined;
  const deps: JobDeps = {
    database,
    steps: parts.steps,
    logger,
    leases,
    metrics,
    adapters: parts.createAdapters({ ...shared, ...opening }),
    syncAdapters: parts.createAdapters({ ...yielding, ...opening }),
    stopping: stopping.signal,
    keyring: config.keyring,
    signingKeys,
    send: (request) => sendWebhook({ policy, agents }, request),
    traffic,
    health: notes,
    horizonMs: config.horizonMs,
    handOver: {
      isOpen: () => relay?.handOver.isOpen() ?? false,
      take: (jobs, ms) => relay?.handOver.take(jobs, ms),
    },
    here: { takePlace: () => deliveries.takePlace(), deliver: (taken) => delivering(taken) },
    onDone: () => relay?.wake(),
  };
  const posting = metrics.inPlaces(
    { kind: 'post_payment', most: config.postingConcurrency },
    (entry: TakenEntry) => runPosting(deps, entry),
  );
  const delivering = metrics.inPlaces(
    { kind: 'deliver_webhook', most: config.deliveryConcurrency },
    (taken: Parameters<typeof deliverWebhook>[1]) => deliverWebhook(deps, taken),
  );
  const syncing = metrics.inPlaces({ kind: 'sync_connection', most: SYNCS }, (entry: TakenEntry) =>
    runSync(deps, entry),
  );
  const deliveries = transport.consume('deliver-webhook', delivering);
  const consumers = [
    transport.consume('post-payment', posting),
    deliveries,
    transport.consume('sync-connection', syncing),
  ];
  releases.add('consumers', null, () => Promise.all(consumers.map((each) => each.close(JOBS_END_MS))));
  relay = releases.add(
    'relay',
    startRelay({ database, transport, logger, metrics }, { databaseUrl: directUrl }),
    (opened) => opened.close(),
  );
  const adapting = { slots: config.deliveryConcurrency };
  releases.add('lane adapter', startLaneAdapter({ database, traffic, logger }, adapting), (opened) =>
    opened.close(),
  );
  const { steps } = parts;
  releases.add('sweeper', startSweeper({ database, transport, steps, logger, metrics }), (opened) =>
    opened.close(),
  );
  const onQueued = () => relay?.wake();
  releases.add('sync schedule', startSyncSchedule({ database, logger }), (opened) => opened.close());
  releases.add('recovery', startRecovery({ database, logger, onQueued }), (opened) => opened.close());
  const keep = { eventDays: config.eventRetentionDays };
  const keeping = { database, keyring: config.keyring, logger, metrics };
  releases.add('retention', startRetention(keeping, keep), (opened) => opened.close());
  const ahead = { widthDays: config.partitionDays };
  releases.add('partitions', startPartitions({ database, logger, metrics }, ahead), (opened) =>
    opened.close(),
  );

  releases.add('hold watch', startHoldWatch({ database, logger }), (opened) => opened.close());
}
