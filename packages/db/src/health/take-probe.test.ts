import { sentence } from '@emr-payments/contracts';
import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { inTransaction } from '../core/transaction.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { retryPosting } from '../posting/retry-posting.ts';
import { claimSync } from '../sync/claim-sync.ts';
import { putOffSync } from '../sync/put-off-sync.ts';
import { startSync } from '../sync/start-sync.ts';
import { claimRun } from '../sync/sync-run.fixture.ts';
import { findConnection } from '../tenants/find-connection.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import type { Exchange } from './next-state.ts';
import { noteExchange } from './note-exchange.ts';
import { endProbe, takeProbe } from './take-probe.ts';

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
});

const LOGIN: Exchange = {
  kind: 'login',
  code: 'unauthorized',
  detail: sentence`The EMR rejected our credentials.`,
};
const LEASE = { leaseMs: 60_000 };
const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;
async function note(exchange: Exchange) {
  const connection = await findConnection(practice, practice);
  if (connection === null) throw new Error('there is no connection');
  return noteExchange(practice, { connection, exchange, subject: 'payment', agoMs: 0 });
}
/** The login is found broken, and the stop of an hour ends. */
async function breakAndPass(): Promise<void> {
  await note(LOGIN);
  await sql(`UPDATE connection_states SET stopped_until = now() - interval '1 second'`);
}
const take = (subject: 'payment' | 'other' = 'payment') =>
  takeProbe(practice, { userId: practice.userId, subject, ...LEASE });
async function accept(): Promise<void> {
  const outcome = await createAcceptor(practice).accept(practice.input());
  if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
}
const feed = (kind: 'post_payment' | 'sync_connection') =>
  feedJobs(practice, 100).then((jobs) => jobs.filter((job) => job.kind === kind));
const startRun = () =>
  inTransaction(practice, async (tx) => ({
    commit: true,
    value: await startSync(tx, { userId: practice.userId }),
  }));

test('of many that would be the probe one is, and the next one when it has ended or its lease has', async () => {
  expect(await take()).toBeNull();
  await note(LOGIN);
  expect(await take()).toBeNull();
  await breakAndPass();
  const taken = await Promise.all(Array.from({ length: 8 }, () => take()));
  const [probe, ...others] = taken.filter((each) => each !== null);
  expect(others).toEqual([]);
  await endProbe(practice, { userId: practice.userId, probe: '2026-01-01' });
  expect(await take()).toBeNull();
  await endProbe(practice, { userId: practice.userId, probe: probe ?? '' });
  expect(await take()).not.toBeNull();
  await sql(`UPDATE connection_states SET probe_until = now() - interval '1 second'`);
  expect(await take()).not.toBeNull();
  // A rejection ends the probe and begins another stop.
  await sql(`UPDATE connection_states SET stopped_until = now() - interval '1 second'`);
  await note(LOGIN);
  expect(await sql('SELECT probe_until, stopped_until > now() AS stopped FROM connection_states')).toEqual([
    { probe_until: null, stopped: true },
  ]);
});

test('a look-up or a sync is the probe only while no payment is due', async () => {
  await breakAndPass();
  await accept();
  expect(await take('other')).toBeNull();
  await sql(`UPDATE jobs SET run_at = now() + interval '1 minute'`);
  expect(await take('other')).not.toBeNull();
});

test('after the stop the two lanes of a connection send one probe', async () => {
  await startRun();
  await breakAndPass();
  // The sync is fed before there is a payment, and claimed after it.
  const [sync] = await feed('sync_connection');
  await accept();
  await accept();
  const [posting, ...more] = await feed('post_payment');
  expect(more).toEqual([]);
  if (sync === undefined || posting === undefined) throw new Error('nothing was fed');
  const claimed = await Promise.all([
    claimSync(practice, { jobId: sync.id, fence: sync.fence, ...LEASE }),
    claimPosting(practice, { jobId: posting.id, fence: posting.fence, ...LEASE }),
  ]);
  expect(claimed.map((claim) => claim?.probe ?? null)).toEqual([null, expect.any(String)]);
  // Neither lane is fed meanwhile.
  await sql(`UPDATE jobs SET run_at = now() - interval '1 second' WHERE lease_until IS NULL`);
  expect(await feedJobs(practice, 100)).toEqual([]);
  await note({ kind: 'answered' });
  const kinds = (await feedJobs(practice, 100)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind !== 'deliver_webhook').toSorted()).toEqual([
    'post_payment',
    'sync_connection',
  ]);
});

test('a payment whose claim is older than the broken login is not begun: it waits, and no attempt is written', async () => {
  await accept();
  await accept();
  const jobs = await feed('post_payment');
  const claimed = await Promise.all(
    jobs.map(({ id, fence }) => claimPosting(practice, { jobId: id, fence, ...LEASE })),
  );
  const [first, second] = claimed.map((posting) => posting?.claim);
  if (first === undefined || second === undefined) throw new Error('nothing was claimed');
  const begin = (claim: typeof first) =>
    beginAttempt(practice, { claim, knownAbsent: false, sentTo: 'http://127.0.0.1:1' });
  await note(LOGIN);
  expect(await begin(first)).toBe(false);
  expect(await sql('SELECT FROM posting_attempts')).toEqual([]);
  expect(await sql(`SELECT lease_until, queued_at, tries FROM jobs WHERE id = ${first.jobId}`)).toEqual([
    { lease_until: null, queued_at: null, tries: 0 },
  ]);
  // When the stop has ended, the gate is the claim's: a probe is not stopped by itself.
  await sql(`UPDATE connection_states SET stopped_until = now() - interval '1 second'`);
  expect(await take()).not.toBeNull();
  expect(await begin(second)).toBe(true);
});

/** A payment and a sync that were rejected and wait behind the stop. */
async function rejectBoth(): Promise<void> {
  await accept();
  const [posting] = await feed('post_payment');
  const run = await claimRun(practice);
  if (posting === undefined) throw new Error('nothing was fed');
  const claimed = await claimPosting(practice, { jobId: posting.id, fence: posting.fence, ...LEASE });
  if (claimed === null) throw new Error('nothing was claimed');
  await note(LOGIN);
  const trouble = { code: 'unauthorized', reason: 'The EMR rejected our credentials.', delayMs: 0 };
  const postponement = { ...trouble, status: 'retrying', farEnd: 'none', uncounted: 'login' } as const;
  await retryPosting(practice, { claim: claimed.claim, attempt: null, postponement });
  await putOffSync(practice, { claim: run.claim, ...trouble, stopped: true });
}
const waiting = () =>
  sql(
    `SELECT kind, run_at > now() + interval '60 minutes' AND run_at < now() + interval '62 minutes' AS behind, run_at <= now() AS due, tries
       FROM jobs WHERE kind <> 'deliver_webhook' ORDER BY kind`,
  );
const save = (token: string) =>
  saveConnection(practice, {
    userId: practice.userId,
    adapter: 'fhir-r5',
    baseUrl: 'http://127.0.0.1:1',
    credentials: { bearer_token: token },
    timeZone: 'America/New_York',
    concurrency: 4,
  });

test('what was rejected waits behind the stop and a minute more, and is due at once when the login ends', async () => {
  await save('one');
  await rejectBoth();
  const behind = { behind: true, due: false, tries: 0 };
  const due = { behind: false, due: true, tries: 0 };
  const both = (state: object) => [
    { kind: 'post_payment', ...state },
    { kind: 'sync_connection', ...state },
  ];
  expect(await waiting()).toEqual(both(behind));
  expect(await sql('SELECT trouble_since FROM sync_runs')).toEqual([{ trouble_since: null }]);
  await note({ kind: 'answered' });
  expect(await waiting()).toEqual(both(due));

  await sql(`UPDATE jobs SET run_at = now() + interval '61 minutes'`);
  await save('one');
  expect(await waiting()).toEqual(both(due));
  await sql(`UPDATE jobs SET run_at = now() + interval '61 minutes'`);
  await save('two');
  expect(await waiting()).toEqual(both(due));
  // Another trouble has nothing to do with the credentials.
  await sql(`UPDATE jobs SET run_at = now() + interval '61 minutes', last_code = 'timeout'`);
  await save('three');
  expect((await waiting()).map(({ behind: waits }) => waits)).toEqual([true, true]);
});

test('a rejection whose stop was opened meanwhile by a save is due at once', async () => {
  await accept();
  const [posting] = await feed('post_payment');
  if (posting === undefined) throw new Error('nothing was fed');
  const claimed = await claimPosting(practice, { jobId: posting.id, fence: posting.fence, ...LEASE });
  if (claimed === null) throw new Error('nothing was claimed');
  await save('one');
  await note(LOGIN);
  const postponement = {
    code: 'unauthorized',
    reason: 'The EMR rejected our credentials.',
    delayMs: 0,
    status: 'retrying',
    farEnd: 'none',
    uncounted: 'login',
  } as const;
  // The save holds the state while the job is put off, and has looked for jobs already.
  let putOff: Promise<unknown> | undefined;
  const client = await practice.owner.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`UPDATE connection_states SET stopped_until = now() - interval '1 second'`);
    putOff = retryPosting(practice, { claim: claimed.claim, attempt: null, postponement });
    for (;;) {
      const waits =
        await sql(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%retry%' OR
        wait_event_type = 'Lock' AND query LIKE '%stopped_until%'`);
      if (waits.length > 0) break;
    }
    await client.query('COMMIT');
  } finally {
    client.release();
    await putOff;
  }
  expect(await sql('SELECT run_at <= now() AS due FROM jobs WHERE payment_id IS NOT NULL')).toEqual([
    { due: true },
  ]);
});
