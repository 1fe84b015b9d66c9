import { makePastPartitions } from '@emr-payments/db/testing/past-partitions';
import { type Client, escapeLiteral } from 'pg';
import { withClient } from '../machine/ask.ts';
import type { BenchTenant } from './tenants.ts';

/** The number of payments written by one set of statements. */
const CHUNK = 250_000;

/** Months of history, each of which gets a partition. */
const MONTHS = 12;
const MONTH_DAYS = 28;
const DAY_MS = 86_400_000;

/**
 * Makes the partitions of the past twelve months, as they would be after a year of use. Before anything is written: the first
 * partitions, which the migrations made, are replaced.
 */
export async function makePastMonths({ databaseUrl }: { databaseUrl: string }): Promise<void> {
  const today = Math.floor(Date.now() / DAY_MS);
  const starts = Array.from(
    { length: MONTHS + 1 },
    (_, n) => new Date((today - (MONTHS - n) * MONTH_DAYS) * DAY_MS),
  );
  await withClient(databaseUrl, (client) => makePastPartitions(client, { starts }));
}

/** Ids like the service's own, with the payment's time, so that the indexes look as they would after years of use. */
const ID_OF_ROW = `(lpad(to_hex((extract(epoch FROM p.at) * 1000)::bigint), 12, '0') || '7' ||
  substr(md5(p.n::text), 1, 3) || '8' || substr(md5(p.n::text), 4, 15))::uuid`;

const EVENT_ID_OF_ROW = `first_event_id(at) || substr(md5(n::text), 1, 16)`;

type HistoryInput = {
  tenants: readonly BenchTenant[];
  /** The range of payment numbers, `to` excluded. */
  from: number;
  to: number;
  /** The deposit date of all of them; by default the day of each. */
  depositDate?: string;
};

/** Writes the payments numbered from `from` on of a history whose times are spread over the months from its first to its last number. */
async function writeChunk(
  client: Client,
  { tenants, from, to, depositDate }: HistoryInput,
  whole: { from: number; to: number },
) {
  const patients = tenants[0]?.patients ?? 1;
  const date = depositDate === undefined ? 'at::date' : `${escapeLiteral(depositDate)}::date`;
  const users = escapeLiteral(`{${tenants.map(({ userId }) => userId).join(',')}}`);
  const clients = escapeLiteral(`{${tenants.map(({ clientPk }) => clientPk).join(',')}}`);
  await client.query(`
    CREATE TEMP TABLE chunk ON COMMIT DROP AS
    SELECT p.n, p.at, ${ID_OF_ROW} AS id, nextval('jobs_id_seq') AS job_id,
           (${users}::int[])[1 + p.n % ${tenants.length}] AS user_id,
           (${clients}::int[])[1 + p.n % ${tenants.length}] AS client_pk
      FROM (SELECT n, date_trunc('day', now(), 'UTC') - make_interval(days => ${MONTHS * MONTH_DAYS}) * ((${whole.to}.0 - n) / ${whole.to - whole.from}) AS at
              FROM generate_series(${from}, ${to - 1}) AS n) p`);
  await client.query(`
    INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location,
                          amount, notes, deposit_date, status, round, created_at, tried_since, settled_at, emr_transaction_id)
    SELECT id, job_id, user_id, 'MRN-' || lpad(((hashint8(n) & 2147483647) % ${patients})::text, 6, '0'), 'pat-1001', 'Card',
           '#' || substr(md5(n::text), 20), '1404',
           1 + n % 900, 'Patient copay collected at front desk', ${date}, 'posted', 1, at, at, at, n::text
      FROM chunk`);
  await client.query(`
    INSERT INTO posting_attempts (payment_id, number, sent_at, finished_at, outcome)
    SELECT id, 1, at, at, 'posted' FROM chunk`);
  await client.query(`
    INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint, payment_id, job_id, created_at)
    SELECT client_pk, user_id, md5(n::text), sha256(n::text::bytea), id, job_id, at FROM chunk WHERE n % 2 = 0`);
  await client.query(`
    INSERT INTO events (id, client_pk, user_id, payment_id, round, job_id, type, body, created_at)
    SELECT ${EVENT_ID_OF_ROW}, client_pk, user_id, id, 1, job_id, 'payment.created', repeat('x', 330), at
      FROM chunk`);
  await client.query(`
    INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, created_at, finished_at)
    SELECT ${EVENT_ID_OF_ROW}, e.id, 'payment.created', 'delivered', 1, at, at
      FROM chunk JOIN webhook_endpoints e USING (client_pk)`);
}

/**
 * Writes past payments as the service would have left them: settled, with attempt, event and delivery, and half of them with
 * an idempotency key. Their times are spread over the last twelve months (`makePastMonths`), up to the beginning of today; their
 * patients and reference numbers over all that there are.
 */
export async function writeHistory(
  { databaseUrl }: { databaseUrl: string },
  input: HistoryInput,
): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    // The rows are consistent by construction, so foreign keys are not checked, and only the checkpoint waits for the disk.
    await client.query(`SET session_replication_role = replica; SET synchronous_commit = off;
      SET maintenance_work_mem = '256MB'; SET statement_timeout = 0`);
    const { from, to } = input;
    for (let n = from; n < to; n += CHUNK) {
      await client.query('BEGIN');
      await writeChunk(client, { ...input, from: n, to: Math.min(to, n + CHUNK) }, { from, to });
      await client.query('COMMIT');
    }
    await client.query('VACUUM ANALYZE');
    await client.query('CHECKPOINT');
  });
}
