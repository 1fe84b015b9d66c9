import { type ClaimedPosting, claimPosting, feedJobs, saveConnection } from '@emr-payments/db';
import { localAdapterDeps } from '@emr-payments/emr';
import { type KeyedServer, openKeyedAdapter, openKeyedServer } from '@emr-payments/emr/testing/keyed-emr';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { runPosting } from './post-payment.ts';

// One payment that the EMR always answers with 401, among others that it takes.

const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
let emr: KeyedServer;
beforeEach(async () => {
  emr = await openKeyedServer();
  const { baseUrl } = emr;
  fixture = await openWorkerFixture({ emrUrl: baseUrl });
  const adapter = openKeyedAdapter(localAdapterDeps(), { baseUrl });
  fixture.deps.adapters = { of: () => adapter };
});
afterEach(async () => {
  await fixture.close();
  await emr.close();
});

const accept = () => fixture.accept({ paymentMethod: 'Cash', location: 'anywhere' });

/** Runs what is due, one after the other, until nothing is. @returns how many were run. */
async function runDue(): Promise<number> {
  for (let count = 0; ; ) {
    const jobs = await feedJobs({ database: fixture.database }, 100);
    if (jobs.length === 0) return count;
    for (const { id, fence } of jobs.toSorted((a, b) => Number(a.id) - Number(b.id)))
      await runPosting(fixture.deps, { job: id, fence });
    count += jobs.length;
  }
}
/** Lets time pass for everything that counts in this test. */
const pass = async (interval: string) => {
  const back = (...columns: string[]) =>
    columns.map((column) => `${column} = ${column} - interval '${interval}'`).join(', ');
  await fixture.rows(`UPDATE jobs SET ${back('run_at', 'rejected_at')} RETURNING 1`);
  await fixture.rows(`UPDATE payments SET ${back('tried_since')} RETURNING 1`);
  await fixture.rows(`UPDATE connections SET ${back('updated_at')} RETURNING 1`);
  await fixture.rows(
    `UPDATE connection_states SET probe_until = NULL,
       ${back('since', 'stopped_until', 'login_ended_at', 'last_success_at', 'last_trouble_at')} RETURNING 1`,
  );
};
const health = async () =>
  (await fixture.rows('SELECT state, doubtful, rejections, outages FROM connection_states'))[0];
const payment = async (id: string) =>
  (
    await fixture.rows(
      `SELECT status, failure_code, failure_reason FROM payments WHERE replace(id::text, '-', '') = '${id}'`,
    )
  )[0];
const events = async () =>
  (await fixture.rows('SELECT type FROM events ORDER BY created_at, id')).map(({ type }) => type);
const reject = (...keys: string[]) => emr.behave({ rejects: (_token, key) => keys.includes(key) });

/** A payment that is rejected, and one that is taken as the probe an hour later. @returns the rejected one. */
async function makeDoubtful(): Promise<string> {
  const poison = await accept();
  const other = await accept();
  reject(poison);
  await runDue();
  expect(await health()).toMatchObject({ state: 'login_required', outages: 1 });
  expect(emr.entries.size).toBe(0);
  // The rejected one is first in line, and waits behind the other all the same.
  await pass('1 hour');
  await runDue();
  expect(await payment(other)).toMatchObject({ status: 'posted' });
  return poison;
}

test('it stops its practice once, waits behind the others as a probe, and then only for itself', async () => {
  fixture.deps.horizonMs = 24 * 3_600_000;
  const poison = await makeDoubtful();
  // The probe ended the outage, so the rejected one was due at once, and was rejected again.
  expect(emr.sends).toHaveLength(3);
  expect(await health()).toEqual({ state: 'degraded', doubtful: true, rejections: 0, outages: 1 });
  for (let n = 0; n < 4; n += 1) {
    await pass('20 minutes');
    const next = await accept();
    await runDue();
    expect(await payment(next)).toMatchObject({ status: 'posted' });
  }
  expect(await payment(poison)).toMatchObject({ status: 'retrying' });
  expect(emr.sends.length).toBeGreaterThan(7);
  expect(await health()).toMatchObject({ state: 'degraded', outages: 1 });
  expect((await events()).filter((type) => String(type).startsWith('connection.'))).toEqual([
    'connection.broken',
    'connection.restored',
  ]);
  // Nothing of it counts against the lane.
  expect(await fixture.rows('SELECT FROM lanes WHERE failures > 0 OR open_until IS NOT NULL')).toEqual([]);
});

test('its horizon counts, and its end says that the EMR accepts the credentials', async () => {
  fixture.deps.horizonMs = 24 * 3_600_000;
  const poison = await makeDoubtful();
  await pass('25 hours');
  await accept();
  await runDue();
  // The rejected one was first, and nothing had been accepted since.
  expect(await payment(poison)).toMatchObject({ status: 'retrying' });
  await pass('1 hour');
  await runDue();
  expect(await payment(poison)).toEqual({
    status: 'failed',
    failure_code: 'retries_exhausted',
    failure_reason: expect.stringContaining(
      'The EMR accepts the credentials of the connection, and rejects them for this payment. The retry horizon has ended, and the EMR does not have the payment.',
    ),
  });
  expect(await events()).toContain('payment.failed');
});

test('without an accepted exchange since its last rejection nothing ends it, and rejections that prove nothing break the login', async () => {
  fixture.deps.horizonMs = 24 * 3_600_000;
  const poison = await makeDoubtful();
  for (let day = 0; day < 3; day += 1) {
    await pass('25 hours');
    await runDue();
    expect(await payment(poison)).toMatchObject({ status: 'retrying' });
    expect(await health()).toMatchObject({ state: 'degraded', rejections: 0 });
  }
  const others = [await accept(), await accept(), await accept()];
  reject(poison, ...others);
  await runDue();
  expect(await health()).toMatchObject({ state: 'login_required', outages: 2 });
  for (const other of others) expect(await payment(other)).toMatchObject({ status: 'retrying' });
});

test('what is accepted between rejections counts also when all of them were claimed before the first one', async () => {
  await makeDoubtful();
  reject();
  await pass('20 minutes');
  await runDue();
  expect(await health()).toMatchObject({ state: 'connected', doubtful: true });
  const [one, two, good, three] = [await accept(), await accept(), await accept(), await accept()];
  reject(one, two, three);
  const jobs = await feedJobs({ database: fixture.database }, 100);
  const claims = new Map<string, ClaimedPosting | null>();
  for (const { id, fence } of jobs)
    claims.set(id, await claimPosting(fixture, { jobId: id, fence, leaseMs: 60_000 }));
  const steps = {
    ...fixture.deps.steps,
    claimPosting: async (_deps: unknown, { jobId }: { jobId: string }) => claims.get(jobId) ?? null,
  };
  for (const { id, fence } of jobs.toSorted((a, b) => Number(a.id) - Number(b.id)))
    await runPosting({ ...fixture.deps, steps }, { job: id, fence });
  expect(await payment(good)).toMatchObject({ status: 'posted' });
  expect(await health()).toMatchObject({ state: 'degraded', rejections: 1, outages: 1 });
});

test('credentials that were replaced meanwhile do not count against it', async () => {
  fixture.deps.horizonMs = 24 * 3_600_000;
  const poison = await makeDoubtful();
  await pass('25 hours');
  const connection = await fixture.database.prisma.connection.findFirstOrThrow();
  await saveConnection(fixture.deps as never, {
    userId: connection.userId,
    adapter: connection.adapter,
    baseUrl: connection.baseUrl,
    settings: connection.settings as object,
    credentials: { bearer_token: 'another' },
    timeZone: connection.timeZone,
    concurrency: 4,
  });
  await accept();
  await runDue();
  expect(await payment(poison)).toMatchObject({ status: 'retrying' });
  expect(await health()).toMatchObject({ state: 'login_required', doubtful: false });
});

test('a probe whose attempt is not begun ends at once: the next one waits for no lease', async () => {
  reject(await accept());
  await runDue();
  await pass('2 hours');
  const [job] = await feedJobs({ database: fixture.database }, 100);
  const { deps } = fixture;
  const steps = { ...deps.steps, beginAttempt: async () => false };
  await runPosting({ ...deps, steps }, { job: job?.id ?? '', fence: job?.fence ?? -1 });
  expect(emr.sends).toHaveLength(1);
  expect(await fixture.rows('SELECT state, probe_until FROM connection_states')).toEqual([
    { state: 'login_required', probe_until: null },
  ]);
});
