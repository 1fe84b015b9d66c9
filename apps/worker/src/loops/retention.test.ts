import { createClient, type Database, openDatabase } from '@emr-payments/db';
import { createLogger, parseKeyring } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
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

const PAST_ANY_LIMIT = new Date('2020-01-01T00:00:00Z');

test('prunes batch after batch, at every interval, until it is closed', async () => {
  const { clientPk } = await createClient({ database }, { name: 'Integrator' });
  const addEvents = (count: number, prefix: string) =>
    database.prisma.event.createMany({
      data: Array.from({ length: count }, (_, n) => ({
        id: `${prefix}${n}`,
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
    { database, logger, keyring: parseKeyring(`one:${'A'.repeat(43)}=`) },
    { eventDays: 30, firstAfterMs: 1, intervalMs: 20, pauseMs: 1 },
  );
  await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 10_000 });
  await vi.waitFor(() => expect(pruned).toHaveBeenCalledWith({ count: 1_201, code: 'events' }, 'pruned'));
  await addEvents(3, 'b');
  await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 10_000 });
  await vi.waitFor(async () =>
    expect(await database.prisma.emrToken.findUnique({ where: { key } })).toBeNull(),
  );
  await retention.close();
  expect(await database.prisma.emrToken.findMany()).toMatchObject([{ key: recent }]);
  await addEvents(2, 'c');
  expect(await left()).toBe(2);
});
