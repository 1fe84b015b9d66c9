import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@emr-payments/db';
import {
  appAccess,
  type EmbeddedPostgres,
  OVERWRITES_FREED_MEMORY,
  removePlace,
  startEmbeddedPostgres,
} from '@emr-payments/stack';
import { type RedisServer, startRedis } from '@emr-payments/testkit';
import { createProcesses } from './processes.ts';
import type { Capability } from './records.ts';
import { type Service, startService } from './service.ts';
import { type Release, startParts } from './start-parts.ts';
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
export type Cluster = Service & {
  readonly postgres: EmbeddedPostgres;
  readonly redis: RedisServer | null;
  /** Processes that ended unexpectedly. They are restarted. */
  readonly endedUnexpectedly: readonly string[];
  stop(): Promise<void>;
};

/** The server is durable: commits wait for the disk, as in production. */
const POSTGRES_SETTINGS = { max_connections: '200', shared_buffers: '128MB', max_wal_size: '2GB' };

/** Starts every process of a run. @throws the error of the part that did not start, after stopping the parts that did. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  mkdirSync(options.folder, { recursive: true });
  return await startParts((releases) => start(options, releases));
}

async function startPostgres(folder: string, releases: Release[]): Promise<EmbeddedPostgres> {
  const dataDir = join(folder, 'postgres');
  releases.push(async () => removePlace(dataDir));
  const postgres = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: true,
    env: OVERWRITES_FREED_MEMORY,
    settings: POSTGRES_SETTINGS,
  });
  releases.push(async () => {
    await postgres.stop('immediate');
    copyFileSync(postgres.logFile, join(folder, 'postgres.log'));
  });
  return postgres;
}

async function start(options: ClusterOptions, releases: Release[]): Promise<Omit<Cluster, 'stop'>> {
  const { folder, capabilities, adapters, seed } = options;
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
  const service = await startService(
    { processes },
    {
      folder,
      ownerUrl: postgres.url,
      databaseUrl: app.url,
      redisUrl: redis?.url ?? null,
      capabilities,
      adapters,
      seed,
      apis: 2,
      workers: 2,
      env: { DRAIN_MS: '0' },
      workerEnv: { LEASE_MS: String(TIMING.leaseMs) },
    },
  );
  return { ...service, postgres, redis, endedUnexpectedly };
}
