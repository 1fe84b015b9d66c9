import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { dropEventPartitions, makePartitions, openDatabase, partitionCover } from '@emr-payments/db';
import { daysAgo, makePastPartitions } from '@emr-payments/db/testing/past-partitions';
import { writePastPayments } from '@emr-payments/db/testing/past-payments';
import { Client as Session } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from './service/cli.ts';
import { openService, type Service, type ServicePractice } from './service/open-service.ts';

/**
 * The life of partitions, on real processes under load: while payments are accepted, posted, read and their events delivered,
 * partitions are made, dropped and archived, and nothing of it is to be seen from outside.
 */

const PATIENCE = { timeout: 90_000, interval: 100 };
const SENDERS = 6;

let service: Service;
let practice: ServicePractice;
let owner: Session;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-archive-'));
  service = await openService({ name: 'partitions', workers: 2, leaseMs: 5_000 });
  practice = await service.addPractice({ capability: 'lookup', mrn: 'MRN-12345', emrPatientId: 'pat-1001' });
  owner = new Session({ connectionString: service.database.url });
  await owner.connect();
  await makePastPartitions(owner, { starts: [400, 300, 200, 100].map(daysAgo) });
  const { rows } = await owner.query(
    'SELECT id AS "userId", client_pk AS "clientPk" FROM users WHERE public_id = $1',
    [practice.publicId],
  );
  const endpoints = await owner.query('SELECT id FROM webhook_endpoints WHERE client_pk = $1', [
    rows[0].clientPk,
  ]);
  for (const days of [450, 350, 250, 150]) {
    const of = { ...rows[0], endpointId: endpoints.rows[0].id };
    await writePastPayments(owner, { ...of, at: daysAgo(days), count: 5_000 });
  }
}, 180_000);
afterAll(async () => {
  await owner?.end();
  await service?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test('making, dropping and archiving partitions makes no request fail', { timeout: 240_000 }, async ({
  annotate,
}) => {
  const { client, mrn } = practice;
  const ids: string[] = [];
  const failures: unknown[] = [];
  let step = 'nothing';
  const longest: Record<string, number> = {};
  let loading = true;
  const timed = async <T>(work: Promise<T>): Promise<T> => {
    const [during, startedAt] = [step, performance.now()];
    const value = await work;
    longest[during] = Math.max(longest[during] ?? 0, performance.now() - startedAt);
    return value;
  };
  const send = async (sender: number): Promise<void> => {
    for (let n = 0; loading; n += 1) {
      try {
        const request = { patient_mrn: mrn, payment_method: 'Card', location: '1404', amount: 20 };
        const key = { idempotencyKey: `${sender}-${n}` };
        const reference_number = `#${sender}-${n}`;
        const { payment_id } = await timed(client.payments.create({ ...request, reference_number }, key));
        ids.push(payment_id);
        await timed(client.payments.get(payment_id));
        if (n % 10 === 0) await timed(client.payments.list({ limit: 20 }).page());
      } catch (error) {
        failures.push(error);
      }
      await pause(10);
    }
  };
  const load = Promise.all(Array.from({ length: SENDERS }, (_, sender) => send(sender)));
  const during = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    step = name;
    const done = await work();
    step = 'nothing';
    await pause(500);
    return done;
  };

  // As the worker does it, with the rights of the worker.
  const database = openDatabase({ url: service.database.appUrl, poolSize: 2, applicationName: 'test' });
  await pause(2_000);
  const { made, refused } = await during('make', () =>
    makePartitions({ database }, { widthDays: 7, aheadDays: 120 }),
  );
  expect(refused).toEqual([]);
  expect(made.length).toBeGreaterThan(10);
  const dropped = await during('drop', () => dropEventPartitions({ database }, { days: 350 }));
  expect(dropped).toEqual(['events_before', 'deliveries_before', 'delivery_attempts_before']);
  const archived = await during('archive', () =>
    runCommand({ databaseUrl: service.database.url, encryptionKeys: service.stack.encryptionKeys }, [
      'archive',
      '--before',
      daysAgo(200).toISOString().slice(0, 10),
      '--to',
      folder,
      '--drop',
    ]),
  );
  expect(archived).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(folder).filter((name) => name.endsWith('.csv'))).toHaveLength(12);
  loading = false;
  await load;

  expect(failures).toEqual([]);
  expect(ids.length).toBeGreaterThan(100);
  const count = async (sql: string) => (await owner.query<{ n: number }>(sql)).rows[0]?.n;
  const present = `id >= first_payment_id('${daysAgo(1).toISOString()}')`;
  await vi.waitFor(
    async () =>
      expect(
        await count(`SELECT count(*)::int AS n FROM payments WHERE ${present} AND status = 'posted'`),
      ).toBe(ids.length),
    PATIENCE,
  );
  await vi.waitFor(async () => expect(await count('SELECT count(*)::int AS n FROM jobs')).toBe(0), PATIENCE);
  expect(
    await count(
      `SELECT count(*)::int AS n FROM deliveries WHERE event_id >= first_event_id('${daysAgo(1).toISOString()}') AND status = 'delivered'`,
    ),
  ).toBe(ids.length);
  // What was archived is gone, and the rest is here.
  expect(await count(`SELECT count(*)::int AS n FROM payments WHERE NOT ${present}`)).toBe(5_000);
  expect((await partitionCover({ database })).map(({ defaultRows }) => defaultRows)).toEqual([0, 0, 0, 0, 0]);
  await database.close();
  for (const [name, ms] of Object.entries(longest)) {
    await annotate(`longest request while it did ${name}: ${Math.round(ms)} ms`);
  }
});
