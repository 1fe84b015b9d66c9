import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate, openDatabase } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import {
  type AppProcess,
  appAccess,
  type EmbeddedPostgres,
  removePlace,
  startEmbeddedPostgres,
} from '@emr-payments/stack';
import { type RedisServer, startRedis } from '@emr-payments/testkit';
import { makePractices, type Practice } from './practices.ts';
import { createProcesses, HOST, type ProcessName } from './processes.ts';
import type { Capability } from './records.ts';
import { TIMING } from './timing.ts';
import { watchTransitions } from './transitions.ts';

export type ClusterOptions = {
  folder: string;
  withRedis: boolean;
  capabilities: readonly Capability[];
  /** Adapters of the practices; empty with capabilities. */
  adapters: readonly string[];
  seed: number;
};

/** The running system: real processes, each of which can be killed. */
export type Cluster = {
  readonly postgres: EmbeddedPostgres;
  readonly redis: RedisServer | null;
  readonly practices: readonly Practice[];
  /** The fault scripts of the sandbox strike only such requests. */
  readonly struck: { resource?: string };
  readonly receivedFile: string;
  /** The ledger of the foreign EMR; missing when it does not run. */
  readonly foreignFile: string;
  /** Processes that ended unexpectedly. They are restarted. */
  readonly endedUnexpectedly: readonly string[];
  process(name: ProcessName): AppProcess;
  /** Reads the logs of both workers. */
  workerLogs(): string;
  stop(): Promise<void>;
};

type Release = () => Promise<unknown>;

/** The server is durable: commits wait for the disk, as in production. */
const POSTGRES_SETTINGS = { max_connections: '200', shared_buffers: '128MB', max_wal_size: '2GB' };

const newSecret = () => randomBytes(32).toString('base64');

/** Starts every process of a run. @throws the error of the part that did not start, after stopping the parts that did. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  mkdirSync(options.folder, { recursive: true });
  const releases: Release[] = [];
  const stop = async (): Promise<void> => {
    for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
  };
  try {
    return { ...(await start(options, releases)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startPostgres(folder: string, releases: Release[]): Promise<EmbeddedPostgres> {
  const dataDir = join(folder, 'postgres');
  releases.push(async () => removePlace(dataDir));
  const settings = POSTGRES_SETTINGS;
  const postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: true, settings });
  releases.push(async () => {
    await postgres.stop('immediate');
    copyFileSync(postgres.logFile, join(folder, 'postgres.log'));
  });
  return postgres;
}

async function start(options: ClusterOptions, releases: Release[]): Promise<Omit<Cluster, 'stop'>> {
  const { folder } = options;
  const endedUnexpectedly: string[] = [];
  const postgres = await startPostgres(folder, releases);
  postgres.onCrash((code) => endedUnexpectedly.push(`postgres (${code})`));
  const redis = options.withRedis ? await startRedis() : null;
  releases.push(async () => redis?.stop());
  const app = appAccess(postgres.url);
  await migrate({ url: postgres.url, appRole: app.role });
  await watchTransitions(postgres.url);

  const processes = createProcesses({ folder, onUnexpectedEnd: (name) => endedUnexpectedly.push(name) });
  releases.push(() => processes.killAll());
  const keys = `crash:${newSecret()}`;
  const webhookSecret = `whsec_${newSecret()}`;
  const receivedFile = join(folder, 'received.jsonl');
  const sandbox = await processes.run('sandbox', {
    app: 'emr-sandbox',
    portVariable: 'PORT',
    env: { LEDGER_FILE: join(folder, 'ledger.jsonl'), LOG_LEVEL: 'warn', LATER_MS: String(TIMING.laterMs) },
  });
  const foreignFile = join(folder, 'foreign.jsonl');
  const foreign = options.capabilities.includes('foreign')
    ? await processes.run('foreign', {
        app: 'emr-sandbox',
        entry: join(import.meta.dirname, 'foreign', 'main.ts'),
        portVariable: 'PORT',
        env: { LEDGER_FILE: foreignFile, SEED: String(options.seed) },
      })
    : null;
  const receiver = await processes.run('receiver', {
    app: 'webhook-inbox',
    entry: join(import.meta.dirname, 'receiver.ts'),
    portVariable: 'PORT',
    env: { RECEIVED_FILE: receivedFile, WEBHOOK_SECRET: webhookSecret },
  });
  const database = openDatabase({ url: postgres.url, poolSize: 2, applicationName: 'crash suite' });
  const practices = await makePractices(
    { database, keyring: parseKeyring(keys) },
    {
      sandboxUrl: sandbox.url,
      foreignUrl: foreign?.url ?? null,
      receiverUrl: receiver.url,
      webhookSecret,
      capabilities: options.capabilities,
      adapters: options.adapters,
    },
  ).finally(() => database.close());

  const service = {
    DATABASE_URL: app.url,
    ...(redis === null ? {} : { REDIS_URL: redis.url }),
    ENCRYPTION_KEYS: keys,
    WEBHOOK_ALLOW_HOSTS: HOST,
    LOG_LEVEL: 'warn',
    DRAIN_MS: '0',
  };
  for (const name of ['api', 'api-2'] as const) {
    await processes.run(name, { app: 'api', portVariable: 'PORT', env: service });
  }
  for (const name of ['worker', 'worker-2'] as const) {
    await processes.run(name, {
      app: 'worker',
      portVariable: 'HEALTH_PORT',
      env: { ...service, LEASE_MS: String(TIMING.leaseMs) },
    });
  }

  return {
    postgres,
    redis,
    practices,
    // The postings of FHIR R5; every request of the other dialects, token calls included.
    struck: options.adapters.length === 0 ? { resource: 'PaymentReconciliation' } : {},
    receivedFile,
    foreignFile,
    endedUnexpectedly,
    process: (name) => processes.get(name),
    workerLogs: () =>
      ['worker.log', 'worker-2.log']
        .map((file) => join(folder, file))
        .filter((file) => existsSync(file))
        .map((file) => readFileSync(file, 'utf8'))
        .join(''),
  };
}
