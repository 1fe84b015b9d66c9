import { cpSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { migrate } from '@emr-payments/db';
import { startEmbeddedPostgres } from '@emr-payments/stack';
import { Client } from 'pg';
import { withClient } from '../machine/ask.ts';
import { makePastMonths, writeHistory } from '../service/history.ts';
import type { BenchTenant } from '../service/tenants.ts';

/**
 * Applies the last migrations to a database with millions of payments, and says how long each takes; then an index of the payments, made while others
 * write. docs/upgrading.md has the figures. The filled database is kept in the folder, and used again.
 *
 *     node bench/micro/migrations.ts [payments] [folder] [first]
 */
const payments = Number(process.argv[2] ?? 3_000_000);
const dataDir = resolve(process.argv[3] ?? mkdtempSync(join(tmpdir(), 'emr-payments-migrations-')), 'pg');
/** The first of the migrations that are measured. */
const FIRST = process.argv[4] ?? '20261202';
const PRACTICES = 12;
const PATIENTS = 250_000;

const MIGRATIONS = resolve(import.meta.dirname, '../../prisma/migrations');
const INDEX = 'CREATE INDEX CONCURRENTLY "payments_amount_idx" ON "payments" ("amount", "created_at")';

/** A folder of the migrations before the given one, and of one more. */
function folderUpTo(name: string, more: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-migrations-'));
  cpSync(join(MIGRATIONS, 'migration_lock.toml'), join(folder, 'migration_lock.toml'));
  for (const each of names.filter((known) => known < name))
    cpSync(join(MIGRATIONS, each), join(folder, each), { recursive: true });
  for (const [each, script] of Object.entries(more)) {
    mkdirSync(join(folder, each));
    writeFileSync(join(folder, each, 'migration.sql'), script);
  }
  return folder;
}

const names = readdirSync(MIGRATIONS)
  .filter((name) => /^\d/.test(name))
  .sort();

async function fill(databaseUrl: string): Promise<void> {
  await migrate({ url: databaseUrl, folder: folderUpTo(FIRST) });
  // By the SQL of that version: the present one's functions may name columns that are not there yet.
  await withClient(databaseUrl, (client) =>
    client.query(`
      INSERT INTO clients (id, client_id, name) SELECT n, 'ci_' || n, 'Integrator' FROM generate_series(1, ${PRACTICES}) n;
      INSERT INTO users (id, public_id, client_pk, name) SELECT n, 'user_' || n, n, 'Practice' FROM generate_series(1, ${PRACTICES}) n;
      INSERT INTO lanes (id, kind, concurrency)
      SELECT n, (CASE WHEN n > ${PRACTICES} THEN 'endpoint' ELSE 'connection' END)::lane_kind, 4 FROM generate_series(1, 2 * ${PRACTICES}) n;
      INSERT INTO connections (user_id, lane_id, adapter, base_url, time_zone)
      SELECT n, n, 'fhir-r5', 'http://127.0.0.1:1', 'UTC' FROM generate_series(1, ${PRACTICES}) n;
      INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, event_types)
      SELECT 'we_' || n, n, ${PRACTICES} + n, 'https://example.com/hook', '{}' FROM generate_series(1, ${PRACTICES}) n;
      INSERT INTO patients (user_id, mrn, emr_patient_id)
      SELECT u, 'MRN-' || lpad(n::text, 6, '0'), 'pat-1001' FROM generate_series(1, ${PRACTICES}) u, generate_series(1, ${PATIENTS}) n`),
  );
  await makePastMonths({ databaseUrl });
  const tenants = Array.from({ length: PRACTICES }, (_, n) => ({
    userId: n + 1,
    clientPk: n + 1,
    patients: PATIENTS,
  }));
  await writeHistory(
    { databaseUrl },
    { tenants: tenants as unknown as BenchTenant[], from: 0, to: payments },
  );
}

/** Changes payments one after the other, and returns a function that ends it and says how long a change took. */
async function writing(databaseUrl: string): Promise<() => Promise<string>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM payments TABLESAMPLE SYSTEM (0.1) LIMIT 2000',
  );
  const times: number[] = [];
  let ended = false;
  const work = (async () => {
    for (let n = 0; !ended; n += 1) {
      const from = performance.now();
      await client.query('UPDATE payments SET round = round WHERE id = $1', [rows[n % rows.length]?.id]);
      times.push(performance.now() - from);
    }
  })();
  return async () => {
    ended = true;
    await work;
    await client.end();
    const sorted = times.toSorted((a, b) => a - b);
    const at = (part: number) => `${sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(1)} ms`;
    return `${at(0.5)}, the slowest ${at(1)}`;
  };
}

const server = await startEmbeddedPostgres({
  dataDir,
  port: 0,
  durable: true,
  settings: { max_wal_size: '8GB', shared_buffers: '512MB', maintenance_work_mem: '256MB' },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
try {
  await withClient(server.url, async (client) => {
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'filled'`);
    if (rowCount === 0) {
      await client.query('CREATE DATABASE filled TEMPLATE template0');
      await fill(server.urlOf('filled'));
    }
    await client.query('DROP DATABASE IF EXISTS measured WITH (FORCE)');
    await client.query('CREATE DATABASE measured TEMPLATE filled STRATEGY FILE_COPY');
  });
  const url = server.urlOf('measured');
  await withClient(url, async (client) => {
    const { rows } = await client.query('SELECT count(*)::int AS n FROM payments');
    say(`${rows[0]?.n} payments`);
    const end = await writing(url);
    await migrate({ url, report: say });
    say(`meanwhile a change of a payment took ${await end()}`);
    const from = performance.now();
    await client.query(INDEX.replace('CONCURRENTLY ', ''));
    say(`an index of payments that keeps writers out: ${Math.round(performance.now() - from)} ms`);
    await client.query('DROP INDEX payments_amount_idx');
  });
  const end = await writing(url);
  await migrate({ url, report: say, folder: folderUpTo('9', { '29990101000000_index': INDEX }) });
  say(`meanwhile a change of a payment took ${await end()}`);
} finally {
  await server.stop('fast');
}
