import { openEmptyDatabase, type TestDatabase, testServers } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { type Database, openDatabase } from '../core/database.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { listDeliveries } from '../delivery/list-deliveries.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { redeliverEvent } from '../delivery/redeliver-event.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { prepareAppRole } from '../migrations/app-role.ts';
import { retryPayment } from '../payments/retry-payment.ts';
import { showPayment } from '../payments/show-payment.ts';
import { fillOld, migrateToNow, migrateToOld, type OldRows, partition, ROWS } from './old-version.fixture.ts';

// A database of the version before partitions, with rows in every state, is migrated to partitions, and then to the present version.

let server: TestDatabase;
let owner: Client;
let database: Database;
let old: OldRows;

const sql = async (text: string, values: unknown[] = []) => (await owner.query(text, values)).rows;
const CONTENT = {
  payments: 'SELECT * FROM payments ORDER BY id',
  posting_attempts: 'SELECT * FROM posting_attempts ORDER BY payment_id, number',
  events: 'SELECT * FROM events ORDER BY job_id, id',
  deliveries: 'SELECT * FROM deliveries ORDER BY id',
  delivery_attempts:
    'SELECT delivery_id, number, started_at, duration_ms, http_status, error_kind, excerpt FROM delivery_attempts ORDER BY delivery_id, number',
};
async function content(): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  for (const [table, text] of Object.entries(CONTENT)) rows[table] = await sql(text);
  return rows;
}

let before: Record<string, unknown[]>;
beforeAll(async () => {
  server = await openEmptyDatabase();
  owner = new Client({ connectionString: server.url });
  await owner.connect();
  await migrateToOld(owner);
  await prepareAppRole({ client: owner }, testServers().appRole);
  database = openDatabase({ url: server.appUrl, poolSize: 4, applicationName: 'test' });
  old = await fillOld(owner);
  before = await content();
  await partition(owner);
}, 120_000);

afterAll(async () => {
  await database.close();
  await owner.end();
  await server.drop();
});

describe('migrated to partitions', () => {
  test('every row is there, as it was', async () => {
    expect(before.events).toHaveLength(ROWS);
    expect(await content()).toEqual(before);
    expect(
      await sql(
        'SELECT FROM delivery_attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.event_id <> d.event_id',
      ),
    ).toEqual([]);
    expect(
      await sql(
        'SELECT FROM jobs j JOIN deliveries d ON d.id = j.delivery_id WHERE j.event_id IS DISTINCT FROM d.event_id',
      ),
    ).toEqual([]);
  });

  test('almost all of them are still in their own files; only ids of no place in the order were moved', async () => {
    const counts = async (table: string) =>
      Object.fromEntries(
        (
          await sql(`SELECT tableoid::regclass::text AS name, count(*)::int AS n FROM ${table} GROUP BY 1`)
        ).map(({ name, n }) => [name, n]),
      );
    expect(await counts('payments')).toEqual({ payments_old: ROWS - 1, payments_default: 1 });
    expect(await counts('posting_attempts')).toEqual({
      posting_attempts_old: ROWS - 1,
      posting_attempts_default: 1,
    });
    const moved = ROWS / 62;
    expect((await counts('events')).events_old).toBe(ROWS - moved);
    expect((await counts('deliveries')).deliveries_old).toBe(ROWS - moved);
    expect(await sql(`SELECT FROM events_old WHERE id < 'evt_1'`)).toEqual([]);
  });

  test('the role of the application keeps its privileges, and may make partitions', async () => {
    const { rows } = await database.pool.query(`SELECT make_partition('payments', 28, 100) AS name`);
    expect(rows[0].name).toMatch(/^payments_\d{8}$/);
    await expect(database.pool.query('DELETE FROM payments')).rejects.toMatchObject({ code: '42501' });
  });
});

describe('migrated to the present version', () => {
  beforeAll(async () => {
    await migrateToNow(owner);
    await prepareAppRole({ client: owner }, testServers().appRole);
  }, 120_000);

  test.each([
    ['begins like the ids of now', 0],
    ['is in the old partition', 30],
  ])('an old event whose id %s is delivered and sent again', async (_where, first) => {
    const deps = { database };
    const waiting = old.eventIds[first + 62 * 2] ?? '';
    const ended = old.eventIds[first + 62] ?? '';
    await sql(
      `UPDATE jobs SET run_at = now() + CASE WHEN event_id = $1 THEN interval '-1 s' ELSE interval '1 hour' END`,
      [waiting],
    );
    const [job] = await feedJobs(deps, 10);
    const delivery = await claimDelivery(deps, { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 });
    expect(delivery).toMatchObject({ event: { id: waiting, type: 'payment.failed' }, attempts: 1 });
    const recorded = await recordDelivery(deps, {
      claim: delivery?.claim ?? { jobId: '0', fence: 0 },
      clientPk: old.clientPk,
      attempt: { startedAt: new Date(), durationMs: 5, httpStatus: 200, errorKind: null, excerpt: null },
      next: { status: 'delivered' },
      disabling: null,
    });
    expect(recorded.written).toBe(true);
    const rows = await sql(
      'SELECT d.status, a.number FROM deliveries d JOIN delivery_attempts a ON a.event_id = d.event_id AND a.delivery_id = d.id WHERE d.event_id = $1 ORDER BY 2',
      [waiting],
    );
    expect(rows).toEqual([1, 2].map((number) => ({ status: 'delivered', number })));

    const again = { eventId: ended, clientPk: old.clientPk, endpointId: null, by: SYSTEM };
    expect(await redeliverEvent(deps, again)).toMatchObject({ outcome: 'redelivering' });
    expect(await sql('SELECT delivery_id IS NOT NULL AS ok FROM jobs WHERE event_id = $1', [ended])).toEqual([
      { ok: true },
    ]);
    await sql('DELETE FROM jobs WHERE event_id = $1', [ended]);
  });

  test('an old payment is shown with its event, listed with its attempts, and retried', async () => {
    const [{ id, event_id }] = (await sql(
      'SELECT p.id, e.id AS event_id FROM payments p JOIN events e ON e.payment_id = p.id WHERE p.job_id = 63',
    )) as [{ id: string; event_id: string }];
    const paymentId = id.replaceAll('-', '');
    expect(await showPayment({ database }, { paymentId })).toMatchObject({
      attempts: [{ number: 1 }],
      events: [{ id: event_id, deliveries: [{ eventId: event_id }] }],
    });
    const [endpoint] = await sql('SELECT id, lane_id AS "laneId" FROM webhook_endpoints');
    const listed = await listDeliveries({ database }, { endpoint, after: null, limit: ROWS + 1 });
    expect(listed).toHaveLength(ROWS);
    expect(listed.every(({ tries, attempts }) => tries.length === attempts)).toBe(true);
    expect(await retryPayment({ database }, { paymentId, userId: old.userId, by: SYSTEM })).toMatchObject({
      outcome: 'retrying',
    });
  });

  test('a job of a delivery that does not name its event is refused', async () => {
    await expect(
      database.pool.query(
        `INSERT INTO jobs (kind, lane_id, delivery_id) SELECT 'deliver_webhook', id, 1 FROM lanes LIMIT 1`,
      ),
    ).rejects.toMatchObject({ code: '23502' });
  });
});
