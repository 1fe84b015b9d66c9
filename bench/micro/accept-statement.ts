import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Pool } from 'pg';
import { numberOf, withClient } from '../machine/ask.ts';
import { type Finding, findingOf } from '../report/finding.ts';
import { tableOf } from '../report/table.ts';
import { openPractices, type PaymentRow, paymentRows } from './open-practices.ts';

/**
 * Compares what the accepting statement costs PostgreSQL in several versions, in rounds that alternate within one run: µs of
 * processor time a payment, of the one backend that runs it, and bytes of WAL. Each version has a database of its own with the schema
 * of this working copy; the first version is this one.
 *
 *     node bench/micro/accept-statement.ts [--batch 50] [--rounds 15] [--payments 5000] [--filled 0] [folder=…|file=…|sql=…]…
 *
 * `folder=` takes the statement of another working copy, `file=` the `acceptBatch` of another file; `sql=` changes the database first, such as `sql=DROP INDEX …`. `--filled` is
 * the number of payments that every database has before. Linux only (`/proc/PID/schedstat`).
 */
const number = (value: string) => ({ type: 'string', default: value }) as const;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { batch: number('50'), rounds: number('15'), payments: number('5000'), filled: number('0') },
});
const [batch, rounds, payments, filled] = [
  options.batch,
  options.rounds,
  options.payments,
  options.filled,
].map(Number) as [number, number, number, number];

type Row = PaymentRow & { idempotency: { key: string; fingerprint: Buffer } | null };
type AcceptBatch = (deps: { database: { pool: Pool } }, rows: readonly Row[]) => Promise<unknown[]>;
type Version = { name: string; file: string; sql: string | null };

const ROOT = join(import.meta.dirname, '..', '..');
const fileOf = (folder: string) => join(folder, 'packages', 'db', 'src', 'accept', 'accept-batch.ts');
const versions: Version[] = [
  { name: 'this', file: fileOf(ROOT), sql: null },
  ...positionals.map((given) => {
    const [kind = '', ...rest] = given.split('=');
    const value = rest.join('=');
    if (kind === 'folder') return { name: value.slice(-50), file: fileOf(resolve(value)), sql: null };
    if (kind === 'file') return { name: value.slice(-50), file: resolve(value), sql: null };
    if (kind === 'sql') return { name: value.slice(-50), file: fileOf(ROOT), sql: value };
    throw new Error(`'${given}' is none of folder=…, file=…, sql=…`);
  }),
];

const { environment, tenants } = await openPractices('statement');
const closing: (() => Promise<unknown>)[] = [];
try {
  const paymentOf = paymentRows({ tenants });
  let n = 0;
  /** As the load generator makes them: half of them have a key. */
  const rowOf = (): Row => {
    n += 1;
    const idempotency =
      (n >> 3) % 2 === 0 ? { key: `2f6ce8e73d91-${n}`, fingerprint: Buffer.alloc(32, n % 251) } : null;
    return { ...paymentOf(n), idempotency };
  };
  const rowsOf = (count: number) => Array.from({ length: count }, rowOf);

  const running = [];
  for (const [which, { name, file, sql }] of versions.entries()) {
    const own = `statement_${which}`;
    await withClient(environment.postgres.url, (client) =>
      client.query(`CREATE DATABASE ${own} TEMPLATE statement`),
    );
    const url = environment.postgres.urlOf(own);
    if (sql !== null) await withClient(url, (client) => client.query(sql));
    const pool = new Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 });
    pool.on('error', () => undefined);
    closing.push(() => pool.end());
    const pid = Number((await pool.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid);
    const { acceptBatch } = (await import(file)) as { acceptBatch: AcceptBatch };
    const accept = (rows: readonly Row[]) => acceptBatch({ database: { pool } }, rows);
    for (let done = 0; done < filled; done += 500) await accept(rowsOf(500));
    running.push({ name, pid, pool, accept, runs: { µs: [] as number[], bytes: [] as number[] } });
  }
  const cpuOf = (pid: number) => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  const walAt = () =>
    withClient(environment.postgres.url, (client) =>
      numberOf(client, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"),
    );
  for (let round = 0; round <= rounds; round += 1) {
    for (const { pid, accept, runs } of round % 2 === 0 ? running : running.toReversed()) {
      const batches = Array.from({ length: Math.ceil(payments / batch) }, () => rowsOf(batch));
      const from = { cpu: cpuOf(pid), wal: await walAt() };
      for (const rows of batches) await accept(rows);
      const done = batches.length * batch;
      // The first round warms up.
      if (round === 0) continue;
      runs.µs.push((cpuOf(pid) - from.cpu) / done);
      runs.bytes.push(((await walAt()) - from.wal) / done);
    }
  }
  const [first] = running;
  const findings = running.flatMap(({ name, runs }): Finding[] => [
    findingOf(`processor, ${name}`, 'µs', runs.µs),
    findingOf(`WAL, ${name}`, 'bytes', runs.bytes),
    ...(runs === first?.runs
      ? []
      : [
          findingOf(
            'processor, this − that',
            'µs',
            runs.µs.map((value, round) => (first?.runs.µs[round] ?? Number.NaN) - value),
          ),
        ]),
  ]);
  process.stdout.write(`batches of ${batch}\n${tableOf(findings)}\n`);
} finally {
  await Promise.all(closing.map((close) => close()));
  await environment.close();
}
