import { feedJobs, saveConnection } from '@emr-payments/db';
import { type ForeignServer, openForeignServer } from '@emr-payments/emr/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { runPosting } from './post-payment.ts';

// 401 stops a connection: what was under way ends, everything else waits, and all of it goes out when the login is mended.

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
beforeEach(async () => {
  fixture = await openWorkerFixture({ sandbox: emr(), settings: { conditional_create: false } });
});
afterEach(() => fixture.close());

const feed = () => feedJobs({ database: fixture.database }, 100);
const run = (jobs: Awaited<ReturnType<typeof feed>>) =>
  Promise.all(jobs.map(({ id, fence }) => runPosting(fixture.deps, { job: id, fence })));
async function runAll(): Promise<number> {
  let count = 0;
  for (;;) {
    const jobs = (await feed()).filter(({ kind }) => kind === 'post_payment');
    if (jobs.length === 0) return count;
    count += jobs.length;
    await run(jobs);
  }
}
const accept = async (count: number) => {
  for (let n = 0; n < count; n += 1) await fixture.accept();
};
const statuses = () =>
  fixture.rows('SELECT status::text, count(*)::int AS n FROM payments GROUP BY 1 ORDER BY 1');
const events = async () =>
  (await fixture.rows(`SELECT type FROM events WHERE payment_id IS NULL ORDER BY created_at, id`)).map(
    ({ type }) => type,
  );
/** The hour of the stop passes. What was rejected is due a minute later than that. */
const anHourPasses = async () => {
  await fixture.rows(`UPDATE jobs SET run_at = run_at - interval '1 hour' WHERE run_at > now() RETURNING 1`);
  await fixture.rows(
    `UPDATE connection_states SET stopped_until = stopped_until - interval '1 hour', probe_until = NULL RETURNING 1`,
  );
};
const mend = () => fetch(`${fixture.sandbox.baseUrl}/sandbox/faults`, { method: 'DELETE' });

test('many payments with 401 make one stop and one event; each is sent once when the login is mended', async () => {
  await accept(40);
  await fixture.fault({ kind: 'unauthorized' });
  expect(await runAll()).toBe(4);
  expect(await statuses()).toEqual([
    { status: 'accepted', n: 36 },
    { status: 'retrying', n: 4 },
  ]);
  expect(
    await fixture.rows('SELECT DISTINCT tries, queued_at FROM jobs WHERE payment_id IS NOT NULL'),
  ).toEqual([{ tries: 0, queued_at: null }]);
  expect(await events()).toEqual(['connection.broken']);

  // An hour later one of them is sent, and no more.
  await anHourPasses();
  expect(await runAll()).toBe(1);
  expect(await events()).toEqual(['connection.broken']);

  await mend();
  await anHourPasses();
  expect(await runAll()).toBe(40);
  expect(await statuses()).toEqual([{ status: 'posted', n: 40 }]);
  expect(await fixture.ledger()).toHaveLength(40);
  expect(await events()).toEqual(['connection.broken', 'connection.restored']);
});

test('payments that were handed to the queue, or claimed, go back without a try', async () => {
  await accept(4);
  const fed = await feed();
  expect(fed).toHaveLength(4);
  await fixture.fault({ kind: 'unauthorized' });
  await run(fed.slice(0, 1));
  await run(fed.slice(1));
  expect(await fixture.rows('SELECT count(*)::int AS n FROM posting_attempts')).toEqual([{ n: 0 }]);
  expect(await fixture.rows(`SELECT DISTINCT queued_at, lease_until, tries FROM jobs`)).toEqual([
    { queued_at: null, lease_until: null, tries: 0 },
  ]);
  expect(await statuses()).toEqual([
    { status: 'accepted', n: 3 },
    { status: 'retrying', n: 1 },
  ]);
});

test('the weekend does not count against the horizon, also when the first try after it has another trouble', async () => {
  fixture.deps.horizonMs = 60_000;
  await accept(2);
  await fixture.fault({ kind: 'unauthorized' });
  await runAll();
  await fixture.rows(
    `UPDATE payments SET tried_since = tried_since - interval '3 days', created_at = created_at - interval '3 days' RETURNING 1`,
  );
  await fixture.rows(`UPDATE connection_states SET since = since - interval '3 days' RETURNING 1`);
  await fixture.passTime();
  await mend();
  await fixture.fault({ kind: 'status', status: 503, match: { method: 'GET' } });
  await runAll();
  expect((await statuses()).map(({ status }) => status)).not.toContain('failed');
  await mend();
  await fixture.passTime();
  await runAll();
  expect(await statuses()).toEqual([{ status: 'posted', n: 2 }]);
});

test('a save of the connection sends one as a probe, and then everything', async () => {
  await accept(6);
  await fixture.fault({ kind: 'unauthorized' });
  await runAll();
  const connection = await fixture.database.prisma.connection.findFirstOrThrow();
  const save = (token: string) =>
    saveConnection(fixture.deps as never, {
      userId: connection.userId,
      adapter: connection.adapter,
      baseUrl: connection.baseUrl,
      settings: connection.settings as object,
      credentials: { bearer_token: token },
      timeZone: connection.timeZone,
      concurrency: 4,
    });
  await save('also-wrong');
  expect(await runAll()).toBe(1);
  await mend();
  await save('right');
  expect(await feed()).toHaveLength(1);
  await fixture.passTime();
  await runAll();
  expect(await statuses()).toEqual([{ status: 'posted', n: 6 }]);
  expect(await events()).toEqual(['connection.broken', 'connection.restored']);
});

test('a payment in doubt is not looked up while its login is broken', async () => {
  const other: ForeignServer = await openForeignServer();
  await fixture.close();
  fixture = await openWorkerFixture({ emrUrl: other.baseUrl, settings: { conditional_create: false } });
  try {
    await fixture.accept();
    other.behave({ created: () => ({ status: 500, body: '' }) });
    await fixture.workOne('post_payment');
    other.behave({ search: () => ({ status: 401, body: '' }) });
    await fixture.passTime();
    await fixture.workOne('post_payment');
    expect(await fixture.rows('SELECT state FROM connection_states')).toEqual([{ state: 'login_required' }]);
    await fixture.rows('UPDATE jobs SET run_at = now() RETURNING 1');
    expect(await fixture.workOne('post_payment')).toBe(false);
    expect(await fixture.rows('SELECT outcome FROM posting_attempts')).toEqual([{ outcome: 'unknown' }]);
  } finally {
    await other.close();
  }
});
