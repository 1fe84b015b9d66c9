import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findLatestSync, inTransaction, migrate, openDatabase, startSync } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { openListedServer } from '@emr-payments/emr/testing/listed-emr';
import { parseKeyring } from '@emr-payments/runtime';
import { appAccess, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';

// What the sync of one practice costs: the first one, a second full one that changes nothing, and one in which a patient in a hundred is
// gone. One worker process, whose EMR is in this one. `node bench/micro/sync.ts [patients]`

const patients = Number(process.argv[2] ?? 100_000);
const dataDir = mkdtempSync(join(tmpdir(), 'sync-'));
const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'pg'), port: 0, durable: true });
const app = appAccess(postgres.url);
await migrate({ url: postgres.url, appRole: app.role });
const database = openDatabase({ url: postgres.url, poolSize: 4, applicationName: 'bench' });
const keys = `bench:${randomBytes(32).toString('base64')}`;
const emr = await openListedServer();
const practice = await createPractice(
  { database, keyring: parseKeyring(keys) },
  { connection: { baseUrl: emr.baseUrl }, patients: [], endpoint: null },
);
const entry = join(import.meta.dirname, '../../apps/worker/src/testing/syncing-worker.fixture.ts');
const env = {
  PATH: process.env.PATH,
  DATABASE_URL: app.url,
  ENCRYPTION_KEYS: keys,
  HEALTH_PORT: '0',
  LOG_LEVEL: 'silent',
};
const worker = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'ignore', 'inherit'] });

const status = (name: string) =>
  Number(
    new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'))?.[1] ?? 0,
  ) / 1024;
/** Seconds of processor time, user and system: fields 14 and 15 of proc(5), in ticks of a hundredth. */
const processor = () => {
  const fields = readFileSync(`/proc/${worker.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const walBytes = async () =>
  Number(
    (await database.pool.query(`SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') AS bytes`)).rows[0].bytes,
  );

async function measure(name: string, count: number): Promise<void> {
  emr.hasPatients(count);
  const before = { wal: await walBytes(), cpu: processor(), at: performance.now(), rss: status('VmRSS') };
  const by = { actor: 'cli:bench', source: 'local' };
  await inTransaction({ database }, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId: practice.userId, full: true, by }),
  }));
  let run = await findLatestSync({ database }, practice);
  while (run?.endedAt == null) {
    await pause(50);
    run = await findLatestSync({ database }, practice);
  }
  const seconds = (performance.now() - before.at) / 1000;
  const { pages, seen, added, closed } = run;
  process.stdout.write(
    `${name}: ${run.state} in ${seconds.toFixed(1)} s, processor ${(processor() - before.cpu).toFixed(1)} s, WAL ` +
      `${(((await walBytes()) - before.wal) >> 20).toFixed(0)} MiB, RSS ${before.rss.toFixed(0)} → peak ${status('VmHWM').toFixed(0)} MiB; ` +
      `${pages} pages, ${seen} seen, ${added} added, ${closed} closed\n`,
  );
}

try {
  // The worker has loaded everything, and the first, empty sync of the schedule is over.
  await measure('empty', 0);
  await measure('first', patients);
  await measure('again', patients);
  await measure('a hundredth gone', Math.floor(patients * 0.99));
} finally {
  worker.kill('SIGKILL');
  await emr.close();
  await database.close();
  await postgres.stop('immediate');
  removePlace(dataDir);
}
