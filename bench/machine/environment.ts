import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@emr-payments/db';
import { type EmbeddedPostgres, removePlace, type Stack, startEmbeddedPostgres } from '@emr-payments/stack';
import { hasRedisServer, type RedisServer, startRedis } from '@emr-payments/testkit';
import type { Client } from 'pg';
import { withClient } from './ask.ts';

/** The servers that all parts of a bench run share. */
export type Environment = {
  folder: string;
  /** Where the part `profile` writes its files. */
  profiles: string;
  postgres: EmbeddedPostgres;
  /** undefined on a machine without redis-server. Our queues then run on PostgreSQL, and the usual way is skipped. */
  redis: RedisServer | undefined;
  /** Creates a migrated database for one caller and returns its URL. */
  newDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** The service that parts without settings of their own use in turn; without it each part starts one. */
  shared?: Stack;
  close(): Promise<void>;
};

/**
 * The settings of a small production server. Every commit waits for the machine's disk (`fsync` is on). Checkpoints are far
 * apart, so that a measurement of a few seconds does not include one by chance.
 */
const SETTINGS = {
  max_connections: '200',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  min_wal_size: '2GB',
  checkpoint_timeout: '15min',
  track_io_timing: 'off',
};

/** Redis writes its log as docker-compose.yml runs it. */
const REDIS_SETTINGS = { appendonly: 'yes', appendfsync: 'everysec' };

/** The number of 16 MB WAL segments created before the first measurement: more than a part writes between two checkpoints. */
const WAL_SEGMENTS = 60;

/**
 * Creates WAL segments in advance. A server that has run for a while reuses old WAL files. A new server creates a file for
 * every 16 MB, and all commits wait about 60 ms for it. Under load that happens once a second and would count as our latency.
 */
async function fillWal(client: Client): Promise<void> {
  for (let n = 0; n < WAL_SEGMENTS; n += 1) {
    await client.query("SELECT pg_logical_emit_message(false, 'bench', '')");
    await client.query('SELECT pg_switch_wal()');
  }
  await client.query('CHECKPOINT');
}

/**
 * Starts a PostgreSQL and a Redis for one run of the bench. `close` stops them and removes their data.
 *
 * @param options.settings further settings of the PostgreSQL.
 * @param options.measures false for a run whose numbers do not count: the server is not durable, and has no WAL files in advance.
 */
export async function openEnvironment(
  folder: string,
  {
    settings = {},
    measures = true,
  }: { settings?: Readonly<Record<string, string>>; measures?: boolean } = {},
): Promise<Environment> {
  const dataDir = join(folder, 'postgres');
  mkdirSync(folder, { recursive: true });
  const postgres = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: measures,
    settings: { ...SETTINGS, ...settings },
  });
  const redis = hasRedisServer() ? await startRedis(REDIS_SETTINGS) : undefined;

  const onServer = (sql: string) => withClient(postgres.url, (client) => client.query(sql));
  if (measures) await withClient(postgres.url, fillWal);
  return {
    folder,
    profiles: measures
      ? join(import.meta.dirname, '..', '..', '.local', 'profiles')
      : join(folder, 'profiles'),
    postgres,
    redis,
    async newDatabase(name) {
      await onServer(`CREATE DATABASE ${name} TEMPLATE template0`);
      const url = postgres.urlOf(name);
      await migrate({ url });
      return url;
    },
    async dropDatabase(name) {
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
    async close() {
      await redis?.stop();
      await postgres.stop();
      removePlace(dataDir);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
