import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  beginAttempt,
  claimDelivery,
  claimPosting,
  createAcceptor,
  type Database,
  feedJobs,
  migrate,
  openDatabase,
  recordDelivery,
  settlePayment,
} from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { parseKeyring } from '@emr-payments/runtime';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// A commit that waits for the disk waits for a synchronous standby too. This server waits for one that does not exist: so a commit that
// waits is seen to, and does not end by itself. https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION

const PATIENCE = { timeout: 30_000, interval: 5 };
const folder = mkdtempSync(join(tmpdir(), 'emr-payments-disk-'));
let postgres: EmbeddedPostgres;
let database: Database;
let practice: Practice;
let operator: Client;

/** Our backends whose commit waits, with the statement that each is at. Commits of PostgreSQL's own processes wait too. */
const waiting = async () =>
  (
    await operator.query<{ pid: number; statement: string; is_nudge: boolean }>(
      `SELECT pid, pid || ' ' || query_start AS statement, query LIKE 'SELECT pg_notify%' AS is_nudge FROM pg_stat_activity
        WHERE wait_event = 'SyncRep' AND application_name LIKE 'test%'`,
    )
  ).rows;

/** Runs a step, and lets its commit pass. @returns whether the commit waited, and what the step returned. */
async function run<T>(step: () => Promise<T>): Promise<{ waited: boolean; value: T }> {
  const canceled = new Set<string>();
  let waited = false;
  let ended = false;
  const work = step().finally(() => {
    ended = true;
  });
  await vi.waitFor(async () => {
    for (const { pid, statement, is_nudge: isNudge } of await waiting()) {
      if (canceled.has(statement)) continue;
      canceled.add(statement);
      // No step waits for the nudge that follows the acceptance. It writes nothing, but the first look at a page can be logged.
      waited ||= !isNudge;
      // The commit is on this server's disk: the wait ends, and the statement with success.
      await operator.query('SELECT pg_cancel_backend($1)', [pid]);
    }
    expect(ended).toBe(true);
  }, PATIENCE);
  return { waited, value: await work };
}

beforeAll(async () => {
  postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), port: 0, durable: true });
  const url = postgres.urlOf('postgres');
  await migrate({ url });
  database = openDatabase({ url, poolSize: 4, applicationName: 'test' });
  const keyring = parseKeyring(`test:${randomBytes(32).toString('base64')}`);
  practice = await createPractice({ database, keyring });
  operator = new Client({ connectionString: url });
  await operator.connect();
  await operator.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
  await operator.query('SELECT pg_reload_conf()');
  const write = () => database.pool.query('UPDATE clients SET name = name');
  await vi.waitFor(async () => expect((await run(write)).waited).toBe(true), PATIENCE);
});

afterAll(async () => {
  await operator.end();
  await database.close();
  await postgres.stop('immediate');
  removePlace(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
});

const LEASE = { leaseMs: 60_000 };

/** As `Promise.all`, of a step for each item, which are then one set. */
const each = <Item, T>(items: readonly Item[], step: (item: Item) => Promise<T>) =>
  run(() => Promise.all(items.map(step)));

test.each([1, 2])('steps that wait for the disk, and steps that do not: %i at once', async (count) => {
  const deps = { database };
  const acceptor = createAcceptor(deps);
  const waited: Record<string, boolean> = {};
  const feed = async () =>
    (await run(() => feedJobs(deps, 10))).value.map(({ id, fence }) => ({ jobId: id, fence }));

  const inputs = Array.from({ length: count }, (_, n) =>
    practice.input({ referenceNumber: `#${count}-${n}` }),
  );
  waited.accept = (await each(inputs, (input) => acceptor.accept(input))).waited;
  const fed = await run(() => feedJobs(deps, 10));
  waited.feed = fed.waited;
  const jobs = fed.value.map(({ id, fence }) => ({ jobId: id, fence }));
  expect(jobs).toHaveLength(count);
  const claimed = await each(jobs, (job) => claimPosting(deps, { ...job, ...LEASE }));
  waited['claim of a posting'] = claimed.waited;
  const postings = claimed.value.flatMap((posting) => posting ?? []);
  const begun = await each(postings, ({ claim }) =>
    beginAttempt(deps, { claim, knownAbsent: false, sentTo: 'test' }),
  );
  expect(begun.value).toEqual(postings.map(() => true));
  waited['begin of an attempt'] = begun.waited;
  const settled = await each(postings, ({ claim, payment }) =>
    settlePayment(deps, {
      claim,
      clientPk: payment.clientPk,
      result: { status: 'posted', emrTransactionId: 'tx' },
      attempt: { outcome: 'posted' },
      event: { id: `evt_${claim.jobId}`, type: 'payment.created', body: '{}' },
      round: payment.round,
    }),
  );
  expect(settled.value).toEqual(postings.map(() => true));
  waited.settle = settled.waited;

  const claims = await each(await feed(), (job) => claimDelivery(deps, { ...job, ...LEASE }));
  waited['claim of a delivery'] = claims.waited;
  const deliveries = claims.value.flatMap((delivery) => delivery ?? []);
  expect(deliveries).toHaveLength(count);
  const attempt = { startedAt: new Date(), durationMs: 1, errorKind: null, excerpt: null };
  const failed = await each(deliveries, ({ claim, clientPk }) =>
    recordDelivery(deps, {
      claim,
      clientPk,
      attempt: { ...attempt, httpStatus: 500, errorKind: 'http_status' },
      next: { status: 'pending', delayMs: 0 },
      disabling: null,
    }),
  );
  waited['record of a failure'] = failed.waited;
  // The failure has opened no circuit yet, but a lane that fails gets one job at a time.
  await run(() => database.pool.query('UPDATE lanes SET failures = 0, open_until = NULL'));
  const again = await each(await feed(), (job) => claimDelivery(deps, { ...job, ...LEASE }));
  const recorded = await each(
    again.value.flatMap((delivery) => delivery ?? []),
    ({ claim, clientPk }) =>
      recordDelivery(deps, {
        claim,
        clientPk,
        attempt: { ...attempt, httpStatus: 204 },
        next: { status: 'delivered' },
        disabling: null,
      }),
  );
  expect(recorded.value).toEqual(deliveries.map(() => ({ written: true, disabled: false })));
  waited['record of a success'] = recorded.waited;

  expect(waited).toEqual({
    accept: true,
    feed: false,
    'claim of a posting': true,
    'begin of an attempt': true,
    settle: true,
    'claim of a delivery': false,
    'record of a failure': true,
    'record of a success': false,
  });
});
