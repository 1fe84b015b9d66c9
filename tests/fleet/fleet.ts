import { mkdirSync } from 'node:fs';
import { migrate } from '@emr-payments/db';
import { type Haproxy, startHaproxy } from '@emr-payments/testkit';
import { createProcesses } from '../crash/processes.ts';
import { type Service, startService } from '../crash/service.ts';
import { type Release, startParts } from '../crash/start-parts.ts';
import { watchTransitions } from '../crash/transitions.ts';
import type { FleetOptions } from './options.ts';
import { openPostgres, type PostgresEngine } from './postgres-engine.ts';
import { openRedis, type RedisEngine } from './redis-engine.ts';

/** Everything of the reference deployment (docs/production.md), on one machine. */
export type Fleet = Service & {
  readonly postgres: PostgresEngine;
  readonly redis: RedisEngine;
  readonly proxy: Haproxy;
  /** Processes that ended unexpectedly. They are restarted. */
  readonly endedUnexpectedly: readonly string[];
  stop(): Promise<void>;
};

const APIS = 3;
const WORKERS = 4;
/** As docs/production.md recommends it. */
const CHECK = { everyMs: 1_000, fall: 2, rise: 2 };

async function start(
  options: FleetOptions & { folder: string },
  releases: Release[],
): Promise<Omit<Fleet, 'stop'>> {
  const { folder, seed } = options;
  const endedUnexpectedly: string[] = [];
  const postgres = await openPostgres({ kind: options.postgres, folder });
  releases.push(() => postgres.stop());
  const redis = await openRedis(options.redis);
  releases.push(() => redis.stop());
  await migrate({ url: postgres.ownerUrl, appRole: postgres.role });
  await watchTransitions(postgres.ownerUrl);
  const processes = createProcesses({ folder, onUnexpectedEnd: (name) => endedUnexpectedly.push(name) });
  releases.push(() => processes.killAll());
  const service = await startService(
    { processes },
    {
      folder,
      ownerUrl: postgres.ownerUrl,
      databaseUrl: postgres.serviceUrl,
      redisUrl: redis.url,
      capabilities: ['conditional-create', 'lookup', 'none'],
      adapters: [],
      seed,
      apis: APIS,
      workers: WORKERS,
      // Drain, leases and pools are those of production.
      env: {},
      workerEnv: {},
    },
  );
  const proxy = await startHaproxy({ servers: service.apis, check: CHECK, redispatch: true });
  releases.push(() => proxy.stop());
  return { ...service, postgres, redis, proxy, endedUnexpectedly };
}

/** Starts all of it. @throws the error of the part that did not start, after stopping the parts that did. */
export async function startFleet(options: FleetOptions & { folder: string }): Promise<Fleet> {
  mkdirSync(options.folder, { recursive: true });
  return await startParts((releases) => start(options, releases));
}
