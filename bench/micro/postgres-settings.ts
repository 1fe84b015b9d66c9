import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { withClient } from '../machine/ask.ts';
import { openEnvironment } from '../machine/environment.ts';
import { openService } from '../service/open-service.ts';

/**
 * Compares settings of PostgreSQL under the same load, on one server, with one API process and one worker: what docs/postgresql.md
 * recommends against what it recommends it over. The rates depend on the disk; the bytes of WAL hardly do.
 *
 *     node bench/micro/postgres-settings.ts [seconds] [payments a second]
 */
const SECONDS = Number(process.argv[2] ?? 12);
const RATE = Number(process.argv[3] ?? 150);

const RECOMMENDED = {
  max_wal_size: '4GB',
  checkpoint_timeout: '900s',
  wal_compression: 'off',
  synchronous_commit: 'on',
};

type Variant = { name: string; settings: Record<string, string>; jobs?: string };

const VARIANTS: readonly Variant[] = [
  { name: 'as recommended', settings: {} },
  { name: 'wal_compression = lz4', settings: { wal_compression: 'lz4' } },
  // A checkpoint every few seconds, as the default of 1 GB brings one every few minutes under full load.
  { name: 'max_wal_size = 80MB', settings: { max_wal_size: '80MB' } },
  {
    name: 'max_wal_size = 80MB, wal_compression = lz4',
    settings: { max_wal_size: '80MB', wal_compression: 'lz4' },
  },
  {
    name: 'autovacuum of jobs as by default',
    settings: {},
    jobs: 'RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)',
  },
  { name: 'no autovacuum of jobs', settings: {}, jobs: 'SET (autovacuum_enabled = off)' },
  { name: 'synchronous_commit = off (loses payments)', settings: { synchronous_commit: 'off' } },
  { name: 'as recommended, again', settings: {} },
];

type Facts = { lsn: string; images: number; checkpoints: number; jobs: number };

const factsOf = async (client: Client): Promise<Facts> => {
  const { rows } = await client.query<Facts>(`
    SELECT pg_current_wal_lsn()::text AS lsn, (SELECT wal_fpi::int FROM pg_stat_wal) AS images,
           (SELECT (num_timed + num_requested)::int FROM pg_stat_checkpointer) AS checkpoints,
           pg_total_relation_size('jobs')::int AS jobs`);
  if (rows[0] === undefined) throw new Error('PostgreSQL did not answer');
  return rows[0];
};

const JOBS_OF_OURS =
  'SET (autovacuum_enabled = on, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)';

const environment = await openEnvironment(mkdtempSync(join(tmpdir(), 'emr-payments-settings-')), {
  autovacuum_naptime: '5s',
});
const service = await openService(environment, {
  name: 'settings',
  workers: 1,
  tenants: { count: 8, postingCap: 16, deliveryCap: 32 },
});
try {
  const load = (seconds: number) =>
    service.load({ connections: 32, pace: { kind: 'open', ratePerSecond: RATE, seconds } });
  await load(5);
  process.stdout.write(
    '| settings | p50 ms | p99 ms | WAL KB each | images each | checkpoints | jobs grew by MB |\n',
  );
  await withClient(service.databaseUrl, async (client) => {
    for (const { name, settings, jobs } of VARIANTS) {
      for (const [setting, value] of Object.entries({ ...RECOMMENDED, ...settings }))
        await client.query(`ALTER SYSTEM SET ${setting} = '${value}'`);
      await client.query(`ALTER TABLE jobs ${JOBS_OF_OURS}`);
      if (jobs !== undefined) await client.query(`ALTER TABLE jobs ${jobs}`);
      await client.query('SELECT pg_reload_conf()');
      await client.query('CHECKPOINT');
      const before = await factsOf(client);
      const { p50, p99 } = await load(SECONDS);
      const after = await factsOf(client);
      const { rows } = await client.query('SELECT ($1::pg_lsn - $2::pg_lsn)::float8 AS bytes', [
        after.lsn,
        before.lsn,
      ]);
      const payments = RATE * SECONDS;
      const cells = [
        name,
        p50.toFixed(1),
        p99.toFixed(1),
        (rows[0].bytes / payments / 1024).toFixed(1),
        ((after.images - before.images) / payments).toFixed(2),
        after.checkpoints - before.checkpoints,
        ((after.jobs - before.jobs) / 2 ** 20).toFixed(1),
      ];
      process.stdout.write(`| ${cells.join(' | ')} |\n`);
    }
  });
} finally {
  await service.close();
  await environment.close();
}
