import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '@emr-payments/db';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { hasRedisServer, type RedisServer, startRedis } from '@emr-payments/testkit';
import type { Client } from 'pg';
import { withClient } from './ask.ts';

/** The servers that all parts of a run share. */
export type Environment = {
  folder: string;
  postgres: EmbeddedPostgres;
  /** undefined on a machine without redis-server: our queues run on PostgreSQL then, and the usual way is left out. */
  redis: RedisServer | undefined;
  /** A migrated database of the caller's own. */
  newDatabase(name: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  close(): Promise<void>;
};

/**
 * As a small production server is set up, on the machine's own disk: every commit waits for it (`fsync` on). Checkpoints
 * are spaced so that a measurement of seconds does not fall on one by chance.
 */
const SETTINGS = {
  max_connections: '200',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  min_wal_size: '2GB',
  checkpoint_timeout: '15min',
  track_io_timing: 'off',
};

/** Segments of WAL that exist before the first measurement, 16 MB each: more than a part writes between two checkpoints. */
const WAL_SEGMENTS = 60;

/**
 * A server that has run for a while writes its WAL over old files. A new one makes a file for every 16 MB, and everything
 * waits some 60 ms for it: under load once in a second, which is measured here as if it were ours.
 */
async function fillWal(client: Client): Promise<void> {
  for (let n = 0; n < WAL_SEGMENTS; n += 1) {
    await client.query("SELECT pg_logical_emit_message(false, 'bench', '')");
    await client.query('SELECT pg_switch_wal()');
  }
  await client.query('CHECKPOINT');
}

/** Starts a durable PostgreSQL and a Redis for one run of the bench; `close` removes what they wrote. */
export async function openEnvironment(
  folder: string,
  further: Readonly<Record<string, string>> = {},
): Promise<Environment> {
  const dataDir = join(folder, 'postgres');
  mkdirSync(folder, { recursive: true });
  const postgres = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: true,
    settings: { ...SETTINGS, ...further },
  });
  const redis = hasRedisServer() ? await startRedis() : undefined;

  const onServer = (sql: string) => withClient(postgres.url, (client) => client.query(sql));
  await withClient(postgres.url, fillWal);
  return {
    folder,
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
