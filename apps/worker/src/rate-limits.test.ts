import { randomBytes } from 'node:crypto';
import { createAcceptor, openCallCounter, openDatabase } from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { OPEN_NETWORK } from '@emr-payments/emr';
import { openCountedAdapter, openCountedServer } from '@emr-payments/emr/testing/counted-emr';
import { createLogger, parseKeyring, Releases } from '@emr-payments/runtime';
import { openTestDatabase } from '@emr-payments/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { startWorker, type WorkerParts, workerParts } from './start-worker.ts';
import { testWorkerConfig } from './testing/worker-config.ts';

/** As an application's limit of seconds and hours, in a size that a test can use up. */
const WINDOWS = [
  { calls: 20, perMs: 1_000 },
  { calls: 60, perMs: 6_000 },
];
const BUCKET = { scope: 'application', key: 'application of the test', windows: WINDOWS } as const;

/**
 * Payments of the practice that has many, and of each of the others. The limit lets ten calls a second pass, so the many last for
 * eight seconds: a machine that stands still for five of them still sends the few before the last of the many.
 */
const MANY = 80;
const FEW = 3;
const OTHERS = 4;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The largest number of arrivals in any window of that length. */
function mostWithin(times: readonly number[], perMs: number): number {
  let from = 0;
  let most = 0;
  for (const [to, time] of times.entries()) {
    while (time - (times[from] ?? 0) >= perMs) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

test('two workers hold the limit of one application, look-ups and lists included, and no practice starves', async () => {
  const { url, appUrl, drop } = await openTestDatabase();
  closers.push(drop);
  const database = openDatabase({ url, poolSize: 4, applicationName: 'test' });
  closers.push(() => database.close());
  const server = await openCountedServer({ losesEvery: 7 });
  closers.push(() => server.close());
  const deps = { database, keyring: parseKeyring(`test:${randomBytes(32).toString('base64')}`) };

  const practices: Practice[] = [];
  for (let n = 0; n <= OTHERS; n += 1) {
    const connection = {
      baseUrl: `${server.baseUrl}/p${n}`,
      concurrency: 50,
      bucket: n === 0 ? null : BUCKET,
    };
    practices.push(await createPractice(deps, { connection, endpoint: null }));
  }
  const acceptor = createAcceptor({ database });
  const accept = (practice: Practice | undefined, howMany: number) =>
    Promise.all(Array.from({ length: howMany }, () => practice && acceptor.accept(practice.input())));
  await accept(practices[0], MANY);

  // The first connection was saved by an older version, without its bucket: the worker that opens it adds it.
  const parts: WorkerParts = {
    ...workerParts,
    createAdapters: (adapterDeps) => {
      const opened = new Map<number, ReturnType<typeof openCountedAdapter>>();
      return {
        of(connection) {
          const known = opened.get(connection.userId);
          if (known !== undefined) return known;
          const adapter = openCountedAdapter(
            { ...adapterDeps, network: OPEN_NETWORK },
            { baseUrl: connection.baseUrl, bucket: BUCKET },
          );
          opened.set(connection.userId, adapter);
          adapterDeps.onOpen?.(connection, adapter);
          return adapter;
        },
      };
    },
  };
  for (let n = 0; n < 2; n += 1) {
    const releases = new Releases();
    const config = testWorkerConfig({ url: appUrl, keyring: deps.keyring }, { postingConcurrency: 64 });
    const logger = createLogger('worker', 'silent');
    await startWorker({ config, logger, parts }, releases);
    closers.push(async () => {
      releases.stopping.begin({ drainMs: 0 });
      await releases.close(logger);
    });
  }
  await vi.waitFor(() => expect(server.entries.size).toBeGreaterThan(5), { timeout: 60_000 });
  const [lane] = (
    await database.pool.query('SELECT bucket_id FROM lanes WHERE id = $1', [practices[0]?.laneId])
  ).rows;
  expect(lane.bucket_id).not.toBeNull();

  // The others come when the first still has most of its payments. An integrator asks for names meanwhile.
  for (const other of practices.slice(1)) await accept(other, FEW);
  const asking = openCallCounter({ database }, { yields: true });
  const reader = openCountedAdapter(
    { calls: asking, network: OPEN_NETWORK },
    { baseUrl: `${server.baseUrl}/reader`, bucket: BUCKET },
  );
  const signal = AbortSignal.timeout(120_000);
  const all = MANY + FEW * OTHERS;
  await vi.waitFor(
    async () => {
      await reader.find?.(
        {
          paymentId: 'none',
          emrPatientId: 'p',
          amount: '1.00',
          depositDate: '2026-01-01',
          sentAt: null,
          leftBy: null,
        },
        { signal },
      );
      expect(server.entries.size).toBe(all);
    },
    // Often enough to be in every window; each of its look-ups is a call that the payments wait for.
    { timeout: 120_000, interval: 1_000 },
  );
  await vi.waitFor(
    async () => {
      const { rows } = await database.pool.query(
        `SELECT status, count(*)::int AS n FROM payments GROUP BY 1`,
      );
      expect(rows).toEqual([{ status: 'posted', n: all }]);
    },
    { timeout: 30_000, interval: 100 },
  );

  // Each is there once.
  expect([...server.entries.values()].filter((rows) => rows.length !== 1)).toEqual([]);
  const times = server.arrivals.map(({ at }) => at);
  for (const { calls, perMs } of WINDOWS) {
    expect(mostWithin(times, perMs), `in ${perMs} ms`).toBeLessThanOrEqual(calls);
  }
  // And it was used: without the limit all of it would have arrived in one window.
  expect(mostWithin(times, 6_000)).toBeGreaterThan(40);
  const kinds = new Set(server.arrivals.map(({ what }) => what));
  expect(kinds).toEqual(new Set(['list', 'look-up', 'send']));

  // The last of the few was sent while many of the many still waited.
  const sends = server.arrivals.filter(({ what }) => what === 'send');
  const lastOfFew = Math.max(...sends.filter(({ practice }) => practice !== 'p0').map(({ at }) => at));
  const after = sends.filter(({ practice, at }) => practice === 'p0' && at > lastOfFew);
  expect(after.length).toBeGreaterThan(MANY / 10);
}, 300_000);
