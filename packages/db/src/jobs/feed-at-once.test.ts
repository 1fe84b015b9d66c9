import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { openDatabase } from '../core/database.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import type { ClaimedDelivery } from '../delivery/claimed-delivery.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { type ClaimedPosting, claimPosting } from '../posting/claim-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { FEED_TURN } from './feed-at-once.ts';
import { type DueJob, feedJobs } from './feed-jobs.ts';
import { sweepJobs } from './sweep-jobs.ts';

let practice: OpenPractice;
let handed: DueJob[];
let isOpen: boolean;
let places: number;
let taken: ClaimedDelivery[];
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice({ concurrency: 50 });
  await sql('UPDATE lanes SET concurrency = 50');
  handed = [];
  isOpen = true;
  places = 0;
  taken = [];
});

const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
const handOver = { isOpen: () => isOpen, take: (jobs: readonly DueJob[]) => void handed.push(...jobs) };

/** Accepts payments and claims them. */
async function claimed(howMany: number): Promise<ClaimedPosting[]> {
  const acceptor = createAcceptor(practice);
  await Promise.all(Array.from({ length: howMany }, () => acceptor.accept(practice.input())));
  const due = (await feedJobs(practice, 100)).filter(({ kind }) => kind === 'post_payment');
  const claims = due.map(({ id, fence }) => claimPosting(practice, { jobId: id, fence, leaseMs: 60_000 }));
  return (await Promise.all(claims)).flatMap((posting) => posting ?? []);
}

const settle = (
  { claim, payment }: ClaimedPosting,
  { database }: Pick<OpenPractice, 'database'> = practice,
) =>
  settlePayment(
    {
      database,
      handOver,
      claimant: { places, leaseMs: 60_000, take: (delivery) => void taken.push(delivery) },
    },
    {
      claim,
      round: payment.round,
      clientPk: payment.clientPk,
      result: { status: 'posted', emrTransactionId: '1' },
      attempt: null,
      event: { id: `evt_${claim.jobId}`, type: 'payment.created', body: '{"n":"\\"é\\\\"}' },
    },
  );

async function settleOne(): Promise<void> {
  const [posting] = await claimed(1);
  if (posting === undefined) throw new Error('no payment was claimed');
  expect(await settle(posting)).toBe(true);
}

const deliveries = () =>
  sql(
    `SELECT id::text, fence, extract(epoch FROM queued_at)::float8 * 1000 AS "queuedAt" FROM jobs WHERE kind = 'deliver_webhook' ORDER BY id`,
  );

test('a settlement that comes alone feeds its delivery, which nobody feeds again', async () => {
  await settleOne();
  const [job] = await deliveries();
  expect(handed).toEqual([{ ...job, kind: 'deliver_webhook', queuedAt: expect.closeTo(job.queuedAt, -1) }]);
  expect(await feedJobs(practice, 100)).toEqual([]);
  const delivery = await claimDelivery(practice, { jobId: job.id, fence: job.fence, leaseMs: 60_000 });
  expect(delivery?.event.type).toBe('payment.created');
});

test.each<[string, () => Promise<unknown> | undefined]>([
  [
    'the queue is not believed to be up',
    () => {
      isOpen = false;
      return undefined;
    },
  ],
  [
    'the circuit of its lane is open',
    () => sql(`UPDATE lanes SET open_until = now() + interval '1 minute', failures = 9`),
  ],
  [
    'its lane has a rate, which the feed counts',
    () => sql(`UPDATE lanes SET rate_per_second = 100 WHERE kind = 'endpoint'`),
  ],
  [
    'its lane has a bucket, whose turns the feed gives',
    () =>
      practice.owner.pool.query(
        `INSERT INTO rate_buckets (key, calls, per_ms, burst, interval_us, next_slots, feed_slots)
         VALUES ('b', '{100}', '{1000}', '{100}', '{10000}', '{epoch}', '{epoch}');
         UPDATE lanes SET bucket_id = (SELECT id FROM rate_buckets) WHERE kind = 'endpoint'`,
      ),
  ],
  [
    'another job of its lane is due before it',
    () =>
      sql(`INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', id FROM lanes WHERE kind = 'endpoint'`),
  ],
  [
    'its lane is full',
    () =>
      sql(`UPDATE lanes SET concurrency = 1 WHERE kind = 'endpoint';
           INSERT INTO jobs (kind, lane_id, queued_at) SELECT 'deliver_webhook', id, now() FROM lanes WHERE kind = 'endpoint'`),
  ],
  [
    'its lane is failing, and has its probe under way',
    () =>
      sql(`UPDATE lanes SET failures = 9 WHERE kind = 'endpoint';
           INSERT INTO jobs (kind, lane_id, queued_at) SELECT 'deliver_webhook', id, now() FROM lanes WHERE kind = 'endpoint'`),
  ],
])('a delivery is left to the relay when %s', async (_when, arrange) => {
  places = 1;
  const [posting] = await claimed(1);
  await arrange();
  expect(posting !== undefined && (await settle(posting))).toBe(true);
  expect(handed).toEqual([]);
  expect(taken).toEqual([]);
  expect((await deliveries()).at(-1)).toMatchObject({ fence: 0, queuedAt: null });
});

/** Sweeps as a sweeper does while nothing waits in the queues. */
const sweep = () =>
  sweepJobs(practice, {
    unclaimedMs: 60_000,
    limit: 100,
    waiting: { post_payment: null, deliver_webhook: null, sync_connection: null },
  });

test('it claims the delivery that it feeds, as the claim of an entry does', async () => {
  places = 1;
  await settleOne();
  expect(handed).toEqual([]);
  const [delivery] = taken;
  const [job] = await deliveries();
  expect(delivery?.claim).toEqual({ jobId: job.id, fence: 1 });
  expect(job).toMatchObject({ fence: 1, queuedAt: expect.any(Number) });
  expect(await claimDelivery(practice, { jobId: job.id, fence: 1, leaseMs: 60_000 })).toBeNull();
  expect(await sweep()).toEqual({ expired: 0, unclaimed: 0 });

  // The holder has died: the job comes back when its lease ends, and the next claim finds everything that the first one had.
  await sql(`UPDATE jobs SET lease_until = now() - interval '1 s'`);
  expect(await sweep()).toEqual({ expired: 1, unclaimed: 0 });
  const [fed] = await feedJobs(practice, 100);
  expect(fed).toMatchObject({ id: job.id, fence: 1 });
  const next = await claimDelivery(practice, { jobId: job.id, fence: 1, leaseMs: 60_000 });
  expect(next).toEqual({ ...delivery, claim: { jobId: job.id, fence: 2 } });
});

test('of several endpoints it claims as many deliveries as there are places, and feeds the others', async () => {
  for (const n of [2, 3, 4])
    await registerEndpoint(practice, {
      clientPk: practice.clientPk,
      url: `https://example.com/hook${n}`,
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    });
  // The last lane has a rate: only the feed of the relay counts its slots.
  await sql('UPDATE lanes SET rate_per_second = 5 WHERE id = (SELECT max(lane_id) FROM webhook_endpoints)');
  places = 2;
  await settleOne();
  expect(taken).toHaveLength(2);
  expect(handed).toHaveLength(1);
  const jobs = await deliveries();
  expect(jobs.filter(({ queuedAt }) => queuedAt === null)).toHaveLength(1);
  const ids = [...taken.map(({ claim }) => claim.jobId), ...handed.map(({ id }) => id)];
  expect(new Set(ids).size).toBe(3);
});

test('a settlement of a stale claim claims nothing', async () => {
  places = 1;
  const [posting] = await claimed(1);
  if (posting === undefined) throw new Error('no payment was claimed');
  const stale = { ...posting, claim: { ...posting.claim, fence: posting.claim.fence - 1 } };
  expect(await settle(stale)).toBe(false);
  expect(await settle(posting)).toBe(true);
  // The same again, as after an answer that was lost.
  expect(await settle(posting)).toBe(false);
  expect(taken).toHaveLength(1);
});

test('a settlement does not wait for a feed that is under way, and feeds nothing then', async () => {
  const [posting] = await claimed(1);
  const feeder = await practice.database.pool.connect();
  try {
    await feeder.query('SELECT pg_advisory_lock($1)', [FEED_TURN]);
    expect(posting !== undefined && (await settle(posting))).toBe(true);
    await feeder.query('SELECT pg_advisory_unlock($1)', [FEED_TURN]);
  } finally {
    feeder.release();
  }
  expect(handed).toEqual([]);
  expect(await feedJobs(practice, 100)).toHaveLength(1);
});

test('payments that are settled together feed and claim nothing: that is for the relay', async () => {
  places = 3;
  const postings = await claimed(3);
  expect(await Promise.all(postings.map((posting) => settle(posting)))).toEqual([true, true, true]);
  expect(handed).toEqual([]);
  expect(taken).toEqual([]);
  expect(await feedJobs(practice, 100)).toHaveLength(3);
});

test('settlements of several processes and feeds at the same time never fill the same room twice', async () => {
  await sql(`UPDATE lanes SET concurrency = 3 WHERE kind = 'endpoint'`);
  places = 1;
  const others = Array.from({ length: 6 }, () =>
    openDatabase({ url: practice.url, poolSize: 1, applicationName: 'test' }),
  );
  const postings = await claimed(24);
  let relayed = 0;
  const work = others.map(async (database, n) => {
    for (const posting of postings.slice(n * 4, n * 4 + 4)) {
      await settle(posting, { database });
      const fed = await feedJobs({ database }, 100);
      relayed += fed.length;
    }
  });
  await Promise.all(work);
  await Promise.all(others.map((database) => database.close()));
  expect(taken.length + handed.length + relayed).toBe(3);
  expect((await deliveries()).filter(({ queuedAt }) => queuedAt !== null)).toHaveLength(3);
});
