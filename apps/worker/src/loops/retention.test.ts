import { createClient, type Database, openDatabase } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { daysAgo, makePastPartitions } from '@emr-payments/db/testing/past-partitions';
import { writePastPayments } from '@emr-payments/db/testing/past-payments';
import { createLogger, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { startRetention } from './retention.ts';

let server: TestDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTestDatabase();
  database = openDatabase({ url: server.appUrl, poolSize: 2, applicationName: 'test' });
});
afterAll(async () => {
  await database.close();
  await server.drop();
});

const keyring = parseKeyring(`one:${'A'.repeat(43)}=`);
const PAST_ANY_LIMIT = new Date('2020-01-01T00:00:00Z');

test('prunes batch after batch, at every interval, until it is closed', async () => {
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  const addEvents = (count: number, prefix: string) =>
    database.prisma.event.createMany({
      data: Array.from({ length: count }, (_, n) => ({
        // From before ids of events began with their time.
        id: `evt_z${prefix}${n}`,
        clientPk,
        type: 'x',
        body: '',
        createdAt: PAST_ANY_LIMIT,
      })),
    });
  const left = () => database.prisma.event.count();

  const key = '0'.repeat(64);
  const recent = '1'.repeat(64);
  await database.prisma.emrToken.createMany({
    data: [
      { key, createdAt: PAST_ANY_LIMIT },
      { key: recent, createdAt: new Date(Date.now() - 89 * 86_400_000) },
    ],
  });
  await addEvents(1_201, 'a');
  const logger = createLogger('test', 'silent');
  const pruned = vi.spyOn(logger, 'info');
  const retention = startRetention(
    { database, logger, keyring, metrics: createWorkerMetrics({ database }) },
    { eventDays: 30, firstAfterMs: 1, intervalMs: 20, pauseMs: 1 },
  );
  await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 30_000 });
  await vi.waitFor(() => expect(pruned).toHaveBeenCalledWith({ count: 1_201, code: 'events' }, 'pruned'), {
    timeout: 20_000,
  });
  await addEvents(3, 'b');
  await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 30_000 });
  await vi.waitFor(
    async () => expect(await database.prisma.emrToken.findUnique({ where: { key } })).toBeNull(),
    { timeout: 20_000 },
  );
  await retention.close();
  expect(await database.prisma.emrToken.findMany()).toMatchObject([{ key: recent }]);
  await addEvents(2, 'c');
  expect(await left()).toBe(2);
});

test('events are dropped by partition, without a row of the payments', async () => {
  const aged = await openTestDatabase();
  const open = (url: string) => openDatabase({ url, poolSize: 1, applicationName: 'test' });
  const [service, owner] = [open(aged.appUrl), open(aged.url)];
  const session = await owner.pool.connect();
  await makePastPartitions(session, { starts: [300, 200, 100].map(daysAgo) });
  const { clientPk, userId, endpointId } = await createPractice({ database: service, keyring });
  for (const days of [250, 150, 50]) {
    await writePastPayments(session, { clientPk, userId, endpointId, at: daysAgo(days), count: 2 });
  }
  session.release();
  const logger = createLogger('test', 'silent');
  const warned = vi.spyOn(logger, 'warn');
  const metrics = createWorkerMetrics({ database: service });
  await owner.pool.query('ALTER FUNCTION drop_event_partitions(int) RENAME TO gone');
  const retention = startRetention(
    { database: service, logger, keyring, metrics },
    { eventDays: 30, firstAfterMs: 1, intervalMs: 20, pauseMs: 1 },
  );
  // A failure is logged and counted, and keeps nothing else from being pruned.
  await vi.waitFor(() => expect(warned.mock.calls.length).toBeGreaterThan(1), { timeout: 30_000 });
  expect(warned).toHaveBeenCalledWith({ err: expect.anything() }, 'could not drop partitions');
  expect(await metrics.registry.metrics()).toMatch(
    /^emr_payments_partition_failures_total\{what="drop"\} [1-9]/m,
  );
  await owner.pool.query('ALTER FUNCTION gone(int) RENAME TO drop_event_partitions');
  await vi.waitFor(async () => expect(await service.prisma.event.count()).toBe(2), { timeout: 20_000 });
  await retention.close();
  expect(await service.prisma.delivery.count()).toBe(2);
  expect(await service.prisma.deliveryAttempt.count()).toBe(2);
  expect(await service.prisma.payment.count()).toBe(6);
  await service.close();
  await owner.close();
  await aged.drop();
});

test('a kind that cannot be pruned keeps no other from being pruned', async () => {
  const own = await openTestDatabase();
  const open = (url: string) => openDatabase({ url, poolSize: 2, applicationName: 'test' });
  const [service, owner] = [open(own.appUrl), open(own.url)];
  const { clientPk } = await createClient({ database: service }, { name: 'Integrator' });
  await service.prisma.event.create({
    data: { id: 'evt_za', clientPk, type: 'x', body: '', createdAt: PAST_ANY_LIMIT },
  });
  await owner.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse()`);
  await owner.pool.query(
    `INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint, created_at) VALUES ($1, 0, 'old', '', '2020-01-01')`,
    [clientPk],
  );
  const logger = createLogger('test', 'silent');
  const warned = vi.spyOn(logger, 'warn');
  const retention = startRetention(
    { database: service, logger, keyring, metrics: createWorkerMetrics({ database: service }) },
    { eventDays: 30, firstAfterMs: 1, intervalMs: 60_000, pauseMs: 1 },
  );
  const keys = async () => (await owner.pool.query('SELECT FROM idempotency_keys')).rowCount;
  await vi.waitFor(async () => expect(await keys()).toBe(0), { timeout: 10_000 });
  await retention.close();
  expect(warned).toHaveBeenCalledWith({ err: expect.any(Error), code: 'events' }, 'could not prune');
  expect(await service.prisma.event.count()).toBe(1);
  await Promise.all([service.close(), owner.close()]);
  await own.drop();
});
