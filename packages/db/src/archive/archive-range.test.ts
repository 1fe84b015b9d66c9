import { uuidToPaymentId } from '@emr-payments/contracts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { acceptBatch } from '../accept/accept-batch.ts';
import { SYSTEM } from '../audit/entry.ts';
import { redeliverEvent } from '../delivery/redeliver-event.ts';
import { startHold } from '../holds/switch-hold.ts';
import { archivedBefore } from '../partitions/archived-before.ts';
import { makePartitions } from '../partitions/make-partitions.ts';
import { findJob, findPayment } from '../payments/find-payment.ts';
import { reconcile } from '../payments/reconcile.ts';
import { resolvePayment } from '../payments/resolve-payment.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import { showPayment } from '../payments/show-payment.ts';
import { beginRestore } from '../restore/begin-restore.ts';
import { putInDoubt } from '../restore/put-in-doubt.ts';
import { type OpenPast, openPast, partitionName } from '../testing/open-past.ts';
import { daysAgo } from '../testing/past-partitions.ts';
import { archiveRange, findObstacles } from './archive-range.ts';
import { listRanges } from './list-ranges.ts';

let past: OpenPast;
beforeEach(async () => {
  past = await openPast();
});
afterEach(() => past.close());

const BY = { actor: 'cli:alice', source: 'desk-1' };
const owner = () => ({ client: past.session });
const archive = (days: number) => archiveRange(owner(), { upto: daysAgo(days), by: BY });
const names = (days: number) =>
  ['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts'].map((table) =>
    partitionName(table, days),
  );

test('a range is moved whole, out of reach of the service, with an entry in the audit log', async () => {
  const [payment] = await past.write(350, { count: 2 });
  await past.write(250);
  expect((await listRanges(owner(), { before: daysAgo(201) })).map(({ upto }) => upto)).toEqual(
    [400, 300].map(daysAgo),
  );
  const rows = Object.fromEntries(names(400).map((name) => [name, 2]));
  expect(await archive(300)).toEqual({ outcome: 'archived', rows });
  expect(await past.partitionsOf('payments')).not.toContain(partitionName('payments', 400));
  const kept = await past.session.query('SELECT count(*)::int AS n FROM payments');
  expect(kept.rows).toEqual([{ n: 1 }]);
  const moved = await past.session.query(
    `SELECT id FROM archive.${partitionName('payments', 400)} WHERE id = $1`,
    [payment?.id],
  );
  expect(moved.rows).toHaveLength(1);
  for (const name of names(400)) {
    await expect(past.database.pool.query(`SELECT FROM archive.${name}`)).rejects.toMatchObject({
      code: '42501',
    });
  }
  const audited = await past.session.query(
    `SELECT actor, source, action, subject, outcome, detail FROM audit_log WHERE action = 'archive.detach'`,
  );
  expect(audited.rows).toEqual([
    {
      ...BY,
      action: 'archive.detach',
      subject: `archive:${daysAgo(300).toISOString().slice(0, 10)}`,
      outcome: 'done',
      detail: rows,
    },
  ]);
  expect(await archive(300)).toEqual({ outcome: 'archived', rows: {} });
});

test.each(['accepted', 'posting', 'retrying', 'submitted', 'needs_review'] as const)(
  'a payment that is %s keeps its range',
  async (status) => {
    await past.write(350);
    await past.write(350, { status, count: 2 });
    const obstacles = { [`payment_${status}`]: 2 };
    expect(await findObstacles(owner(), { upto: daysAgo(300) })).toEqual(obstacles);
    expect(await archive(300)).toEqual({ outcome: 'refused', obstacles });
    expect(await past.partitionsOf('payments')).toContain(partitionName('payments', 400));
  },
);

test('what refers to a range keeps it: jobs, pending deliveries, recoveries, valid keys, an unfinished restore', async () => {
  const [payment] = await past.write(350);
  const [later] = await past.write(250);
  if (payment === undefined || later === undefined) throw new Error('nothing was written');
  const refusedWhile = async (sql: string, undo: string, obstacles: object) => {
    await past.session.query(sql);
    expect(await archive(300), sql).toEqual({ outcome: 'refused', obstacles });
    await past.session.query(undo);
  };
  const noJobs = 'DELETE FROM jobs';
  await refusedWhile(
    `INSERT INTO jobs (kind, lane_id, payment_id) VALUES ('post_payment', 1, '${payment.id}')`,
    noJobs,
    { posting_job: 1 },
  );
  await refusedWhile(
    `INSERT INTO jobs (kind, lane_id, event_id, delivery_id) VALUES ('deliver_webhook', 1, '${payment.eventId}', 1)`,
    noJobs,
    // Of its event, which is of one of its payments.
    { delivery_job: 2 },
  );
  // An event of a later time about one of its payments, such as that of a retry.
  await refusedWhile(
    `UPDATE events SET payment_id = '${payment.id}' WHERE id = '${later.eventId}';
     INSERT INTO jobs (kind, lane_id, event_id, delivery_id) VALUES ('deliver_webhook', 1, '${later.eventId}', 1)`,
    noJobs,
    { delivery_job: 1 },
  );
  await refusedWhile(
    `UPDATE deliveries SET status = 'pending' WHERE event_id = '${payment.eventId}'`,
    `UPDATE deliveries SET status = 'delivered'`,
    { pending_delivery: 1 },
  );
  await refusedWhile(
    `INSERT INTO recoveries (id, endpoint_id, since, until) VALUES ('rec_1', '${past.endpointId}', now() - interval '310 days', now())`,
    `UPDATE recoveries SET state = 'done'`,
    { recovery: 1 },
  );
  await refusedWhile(
    `INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint, payment_id, created_at)
     VALUES (1, 1, 'k', '', '${payment.id}', now() - interval '6 days')`,
    `UPDATE idempotency_keys SET created_at = now() - interval '8 days'`,
    { idempotency_key: 1 },
  );
  await refusedWhile(
    `INSERT INTO restores (since, started_by) VALUES (now(), 'x')`,
    'UPDATE restores SET finished_at = now()',
    { unfinished_restore: 1 },
  );
  expect(await archive(300)).toMatchObject({ outcome: 'archived' });
});

test('the last range stays, however old it is: partitions are made from there on', async () => {
  await past.session.query(`
    DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT r.name FROM partition_ranges() r WHERE r.upto > now() - interval '150 days' LOOP
        EXECUTE format('DROP TABLE %I', name);
      END LOOP;
    END $$`);
  const ranges = await listRanges(owner(), { before: daysAgo(100) });
  expect(ranges.map(({ upto }) => upto)).toEqual([400, 300].map(daysAgo));
  for (const { upto } of ranges)
    expect(await archiveRange(owner(), { upto, by: BY })).toMatchObject({ outcome: 'archived' });
  const { made } = await makePartitions(past, { widthDays: 100, aheadDays: 14 });
  expect(made).toContain(partitionName('payments', 200));
});

test('payments younger than 90 days are never archived', async () => {
  await expect(archive(89)).rejects.toMatchObject({ code: '22023' });
  await expect(
    past.database.pool.query(`SELECT archive_range(now() - interval '1 year', 'x', 'y')`),
  ).rejects.toMatchObject({ code: '42501' });
});

test('a payment that a retry brings back to life while its partition is read stays', async () => {
  const [payment] = await past.write(350, { status: 'failed' });
  if (payment === undefined) throw new Error('nothing was written');
  const paymentId = uuidToPaymentId(payment.id);
  // It holds the table, so that archiving has read its rows and waits for its lock when the retry is committed.
  const client = await past.database.pool.connect();
  await client.query('BEGIN; SELECT FROM payments LIMIT 1');
  const archiving = archive(300);
  const waiting = `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'payments'::regclass`;
  await vi.waitUntil(async () => (await past.owner.pool.query(waiting)).rows[0].n > 0, {
    timeout: 30_000,
    interval: 5,
  });
  const tx = { database: { pool: client } };
  expect(await retryPayment(tx, { paymentId, userId: null, by: SYSTEM })).toMatchObject({
    outcome: 'retrying',
  });
  await client.query('COMMIT');
  client.release();
  expect(await archiving).toEqual({ outcome: 'refused', obstacles: { posting_job: 1 } });
});

test('to the service an archived payment is one that does not exist, and everything else goes on', async () => {
  const [failed] = await past.write(350, { status: 'failed' });
  const [kept] = await past.write(50, { status: 'failed' });
  if (failed === undefined || kept === undefined) throw new Error('nothing was written');
  // An event of the archived payment that is in a later partition, as after a retry.
  await past.session.query('UPDATE events SET payment_id = $1 WHERE id = $2', [failed.id, kept.eventId]);
  expect(await archivedBefore(past)).toBeNull();
  expect(await archive(400)).toMatchObject({ outcome: 'archived' });
  expect(await archive(300)).toMatchObject({ outcome: 'archived' });
  expect(await archivedBefore(past)).toEqual(daysAgo(300));

  const paymentId = uuidToPaymentId(failed.id);
  const { userId } = past;
  expect(await findPayment(past, { paymentId, userId })).toBeNull();
  expect(await findJob(past, { jobId: failed.jobId, userId })).toBeNull();
  expect(await showPayment(past, { paymentId })).toBeNull();
  expect(await retryPayment(past, { paymentId, userId, by: SYSTEM })).toMatchObject({ outcome: 'not_found' });
  expect(
    await resolvePayment(past, {
      paymentId,
      userId,
      resolution: { outcome: 'not_posted' },
      note: 'x',
      by: SYSTEM,
    }),
  ).toMatchObject({ outcome: 'not_found' });
  const day = daysAgo(350).toISOString().slice(0, 10);
  expect(await reconcile(past, { userId, date: day, location: null })).toMatchObject({
    reconciliation: { totals: { accepted: { count: 0 } } },
  });

  // Its event that is still here can be sent again.
  const again = { eventId: kept.eventId, clientPk: past.clientPk, endpointId: null, by: SYSTEM };
  expect(await redeliverEvent(past, again)).toMatchObject({ outcome: 'redelivering' });

  // A restore puts in doubt what is here.
  await startHold(past, { scope: 'all', reason: null, by: SYSTEM });
  const since = new Date(Date.now() - 60_000);
  const begun = await beginRestore(past, { since, by: SYSTEM });
  if (begun.outcome !== 'begun') throw new Error(begun.outcome);
  const { id: restoreId, startedAt } = begun.restore;
  expect(await putInDoubt(past, { restoreId, since, startedAt, by: SYSTEM })).toEqual({ failed: 1 });
});

test('what was attached again hides nothing that is still archived', async () => {
  for (const days of [400, 300]) expect(await archive(days)).toMatchObject({ outcome: 'archived' });
  const attachAgain = async (name: string) => {
    const { rows } = await past.session.query(
      `SELECT obj_description($1::regclass)::json ->> 'bound' AS bound`,
      [`archive.${name}`],
    );
    await past.session.query(
      `ALTER TABLE archive.${name} SET SCHEMA public; ALTER TABLE payments ATTACH PARTITION ${name} ${rows[0].bound}`,
    );
  };
  await attachAgain('payments_old');
  expect(await archivedBefore(past)).toEqual(daysAgo(300));
  await attachAgain(partitionName('payments', 400));
  expect(await archivedBefore(past)).toBeNull();
});

test('a repeated request of an archived payment gets the first answer, for as long as its key is remembered', async () => {
  const fingerprint = Buffer.alloc(32, 7);
  const input = past.input({ idempotency: { key: 'k', fingerprint } });
  const [first] = await acceptBatch(past, [input]);
  if (first?.outcome !== 'accepted') throw new Error('not accepted');
  const [old] = await past.write(350);
  if (old === undefined) throw new Error('nothing was written');
  // The key is too old to count as valid, and has not been pruned yet.
  await past.session.query(
    `UPDATE idempotency_keys SET payment_id = $1, job_id = $2, created_at = now() - interval '8 days'`,
    [old.id, old.jobId],
  );
  expect(await archive(300)).toMatchObject({ outcome: 'archived' });
  const [repeated] = await acceptBatch(past, [input]);
  expect(repeated).toMatchObject({ outcome: 'accepted', replayed: true, paymentId: uuidToPaymentId(old.id) });
});

test('while the tables are locked, jobs are compared with the bounds of the range, and no partition is read', async () => {
  await past.write(350, { count: 500 });
  await past.session.query(
    `INSERT INTO jobs (kind, lane_id, payment_id) SELECT 'post_payment', 1, gen_random_uuid() FROM generate_series(1, 500);
     UPDATE jobs SET payment_id = overlay(payment_id::text PLACING 'ffffffff' FROM 1)::uuid;
     SET enable_nestloop = off`,
  );
  expect(await archive(300)).toMatchObject({ outcome: 'archived' });
  await past.session.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await past.session.query(
    `SELECT seq_tup_read::int AS read FROM pg_stat_user_tables WHERE schemaname = 'archive' AND relname = $1`,
    [partitionName('payments', 400)],
  );
  // Once for the states, once for the number of rows, both before the locks.
  expect(rows).toEqual([{ read: 1_000 }]);
});
