import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { type Postponement, retryPosting } from '../posting/retry-posting.ts';
import { type Settlement, settlePayment } from '../posting/settle-payment.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { feedJobs } from './feed-jobs.ts';
import { renewLeases } from './renew-leases.ts';
import { type QueueWaits, sweepJobs } from './sweep-jobs.ts';

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice({ concurrency: 3 });
});

const NONE_WAITS: QueueWaits = { post_payment: null, deliver_webhook: null, sync_connection: null };

const sql = async (text: string) => (await practice.database.pool.query(text)).rows;

async function accept(howMany: number): Promise<void> {
  const acceptor = createAcceptor(practice);
  await Promise.all(Array.from({ length: howMany }, () => acceptor.accept(practice.input())));
}

async function claimed() {
  await accept(1);
  const [job] = await feedJobs({ database: practice.database }, 10);
  const posting = await claimPosting(
    { database: practice.database },
    {
      jobId: job?.id ?? '',
      fence: job?.fence ?? -1,
      leaseMs: 60_000,
    },
  );
  if (posting === null) throw new Error('the fed job could not be claimed');
  return posting;
}

const POSTPONED: Postponement = {
  status: 'retrying',
  code: 'timeout',
  reason: 'The EMR did not answer in time.',
  delayMs: 0,
  farEnd: 'failing',
  uncounted: null,
};

type Posting = Awaited<ReturnType<typeof claimed>>;

const settlement = ({ claim, payment }: Posting, eventId = 'evt_1'): Settlement => ({
  claim,
  round: payment.round,
  clientPk: payment.clientPk,
  result: { status: 'posted', emrTransactionId: '13969262' },
  attempt: { outcome: 'posted' },
  event: { id: eventId, type: 'payment.created', body: '{}' },
});

test('a lane is fed up to its cap, and again as it gets room', async () => {
  await accept(8);
  const first = await feedJobs({ database: practice.database }, 100);
  expect(first.length).toBe(3);
  expect(await feedJobs({ database: practice.database }, 100)).toEqual([]);
  const [job] = first;
  const posting = await claimPosting(
    { database: practice.database },
    { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 },
  );
  if (posting !== null) await settlePayment({ database: practice.database }, settlement(posting));
  const kinds = (await feedJobs({ database: practice.database }, 100)).map((fed) => fed.kind).sort();
  expect(kinds).toEqual(['deliver_webhook', 'post_payment']);
});

test('feeders at the same time never fill the same room twice', async () => {
  await accept(30);
  const fed = await Promise.all(
    Array.from({ length: 6 }, () => feedJobs({ database: practice.database }, 100)),
  );
  expect(fed.flat().length).toBe(3);
});

test('only one of many claims of one entry gets it', async () => {
  await accept(1);
  const [job] = await feedJobs({ database: practice.database }, 1);
  const claims = await Promise.all(
    Array.from({ length: 6 }, () =>
      claimPosting({ database: practice.database }, { jobId: job?.id ?? '', fence: 0, leaseMs: 60_000 }),
    ),
  );
  expect(claims.filter((claim) => claim !== null).length).toBe(1);
});

test('settling writes status, event, delivery and its job, and ends the job, once', async () => {
  const posting = await claimed();
  await beginAttempt(
    { database: practice.database },
    { claim: posting.claim, knownAbsent: false, sentTo: 'emr' },
  );
  expect(await settlePayment({ database: practice.database }, settlement(posting))).toBe(true);
  expect(await settlePayment({ database: practice.database }, settlement(posting, 'evt_2'))).toBe(false);

  expect(await sql('SELECT status, round, emr_transaction_id FROM payments')).toEqual([
    { status: 'posted', round: 1, emr_transaction_id: '13969262' },
  ]);
  expect(await sql('SELECT outcome, number FROM posting_attempts')).toEqual([
    { outcome: 'posted', number: 1 },
  ]);
  expect(await sql('SELECT id, round FROM events')).toEqual([{ id: 'evt_1', round: 1 }]);
  expect(await sql('SELECT kind, payment_id, delivery_id IS NOT NULL AS has_delivery FROM jobs')).toEqual([
    { kind: 'deliver_webhook', payment_id: null, has_delivery: true },
  ]);
});

test('a stale holder can neither send nor settle nor postpone', async () => {
  const stale = await claimed();
  await sql('UPDATE jobs SET lease_until = now() - interval $$1 s$$');
  expect(
    await beginAttempt(
      { database: practice.database },
      { claim: stale.claim, knownAbsent: false, sentTo: 'emr' },
    ),
  ).toBe(false);
  expect(
    await sweepJobs({ database: practice.database }, { unclaimedMs: 60_000, limit: 10, waiting: NONE_WAITS }),
  ).toEqual({
    expired: 1,
    unclaimed: 0,
  });
  const [again] = await feedJobs({ database: practice.database }, 10);
  const holder = await claimPosting(
    { database: practice.database },
    {
      jobId: again?.id ?? '',
      fence: again?.fence ?? -1,
      leaseMs: 60_000,
    },
  );
  expect(holder?.claim.fence).toBe(stale.claim.fence + 1);

  expect(await settlePayment({ database: practice.database }, settlement(stale))).toBe(false);
  const later = { attempt: null, postponement: { ...POSTPONED, farEnd: 'answering' as const } };
  expect(await retryPosting({ database: practice.database }, { claim: stale.claim, ...later })).toBeNull();
  expect(
    await renewLeases({ database: practice.database }, { claims: [stale.claim], leaseMs: 60_000 }),
  ).toEqual(new Set());
  expect(await sql('SELECT status FROM payments')).toEqual([{ status: 'posting' }]);
  expect(holder !== null && (await settlePayment({ database: practice.database }, settlement(holder)))).toBe(
    true,
  );
});

test('a send whose holder was lost may have left until the next claim: the time since then counts', async () => {
  const { claim } = await claimed();
  await beginAttempt(practice, { claim, knownAbsent: false, sentTo: 'emr' });
  // Renewed all the time, and its connection to the EMR came up only just before it died.
  await sql(`UPDATE posting_attempts SET sent_at = now() - interval '1 hour'`);
  const next = async () => {
    await sql('UPDATE jobs SET lease_until = NULL, queued_at = NULL, run_at = now()');
    const [job] = await feedJobs(practice, 10);
    return claimPosting(practice, { jobId: job?.id ?? '', fence: job?.fence ?? -1, leaseMs: 60_000 });
  };
  const second = await next();
  expect(second?.unresolvedMs).toBe(0);
  if (second === null) throw new Error('not claimed');
  const { unresolvedSentAt: from, unresolvedLeftBy: by } = second;
  expect(Number(by) - Number(from)).toBeGreaterThanOrEqual(3_600_000);
  await retryPosting(practice, { claim: second.claim, attempt: null, postponement: POSTPONED });
  await sql(`UPDATE posting_attempts SET finished_at = finished_at - interval '10 minutes'`);
  expect((await next())?.unresolvedMs).toBeGreaterThanOrEqual(600_000);
  expect(await sql('SELECT outcome FROM posting_attempts')).toEqual([{ outcome: 'unknown' }]);
});

test('a send whose outcome was lost is known to the next holder, until the EMR has been asked', async () => {
  const first = await claimed();
  await beginAttempt(
    { database: practice.database },
    { claim: first.claim, knownAbsent: false, sentTo: 'emr' },
  );
  const lost = { outcome: 'unknown' as const, code: 'timeout', detail: 'no answer' };
  await retryPosting(
    { database: practice.database },
    { claim: first.claim, attempt: lost, postponement: POSTPONED },
  );
  const again = { claim: first.claim, attempt: lost, postponement: POSTPONED };
  expect(await retryPosting({ database: practice.database }, again)).toBeNull();
  expect(await sql('SELECT status FROM payments')).toEqual([{ status: 'retrying' }]);

  const [job] = await feedJobs({ database: practice.database }, 10);
  const second = await claimPosting(
    { database: practice.database },
    {
      jobId: job?.id ?? '',
      fence: job?.fence ?? -1,
      leaseMs: 60_000,
    },
  );
  expect(second?.sends).toBe(1);
  expect(second?.unresolvedMs).toBeGreaterThanOrEqual(0);
  expect([{ sent_at: second?.unresolvedSentAt, finished_at: second?.unresolvedLeftBy }]).toEqual(
    await sql('SELECT sent_at, finished_at FROM posting_attempts'),
  );
  if (second !== null)
    await beginAttempt(
      { database: practice.database },
      { claim: second.claim, knownAbsent: true, sentTo: 'emr' },
    );
  expect(await sql('SELECT number, outcome FROM posting_attempts ORDER BY number')).toEqual([
    { number: 1, outcome: 'absent' },
    { number: 3, outcome: null },
  ]);
});

test('an entry that no worker claimed is swept back, by one sweeper at a time', async () => {
  await accept(3);
  await feedJobs({ database: practice.database }, 10);
  expect(
    await sweepJobs({ database: practice.database }, { unclaimedMs: 60_000, limit: 10, waiting: NONE_WAITS }),
  ).toEqual({
    expired: 0,
    unclaimed: 0,
  });
  await sql("UPDATE jobs SET queued_at = now() - interval '1 minute'");
  const swept = await Promise.all(
    Array.from({ length: 4 }, () =>
      sweepJobs({ database: practice.database }, { unclaimedMs: 1_000, limit: 2, waiting: NONE_WAITS }),
    ),
  );
  expect(swept.reduce((sum, { unclaimed }) => sum + unclaimed, 0)).toBeLessThanOrEqual(3);
  await sweepJobs({ database: practice.database }, { unclaimedMs: 1_000, limit: 2, waiting: NONE_WAITS });
  expect((await feedJobs({ database: practice.database }, 10)).length).toBe(3);
});

test('a job that was queued before everything that waits in the queue is swept back; a later one may be waiting there', async () => {
  await accept(3);
  const [first, second, third] = await feedJobs(practice, 10);
  // Past the five seconds in which the times of several relays may be out of order.
  await sql(`UPDATE jobs SET queued_at = now() - interval '1 minute' WHERE id = ${first?.id}`);
  await sql(`UPDATE jobs SET queued_at = now() - interval '40 seconds' WHERE id = ${second?.id}`);
  await sql(`UPDATE jobs SET queued_at = now() - interval '20 seconds' WHERE id = ${third?.id}`);
  const sweep = (waiting: QueueWaits) => sweepJobs(practice, { unclaimedMs: 5_000, limit: 10, waiting });
  const [{ since } = { since: 0 }] = await sql(
    `SELECT extract(epoch FROM queued_at)::float8 * 1000 AS since FROM jobs WHERE id = ${second?.id}`,
  );
  const queued = async () =>
    (await sql('SELECT id::text FROM jobs WHERE queued_at IS NOT NULL ORDER BY id')).map(({ id }) => id);

  // All may wait, as when the queue cannot be read; and what waits in the other queue does not matter.
  expect(await sweep({ ...NONE_WAITS, post_payment: 0 })).toEqual({ expired: 0, unclaimed: 0 });
  expect(await sweep({ ...NONE_WAITS, post_payment: since, deliver_webhook: 0 })).toEqual({
    expired: 0,
    unclaimed: 1,
  });
  expect(await queued()).toEqual([second?.id, third?.id]);
  expect(await sweep(NONE_WAITS)).toEqual({ expired: 0, unclaimed: 2 });
});

test('a job is fed with the time at which PostgreSQL marked it', async () => {
  await accept(1);
  const [job] = await feedJobs(practice, 10);
  const [row] = await sql('SELECT extract(epoch FROM queued_at)::float8 * 1000 AS at FROM jobs');
  // The column has whole milliseconds, rounded.
  expect(Math.abs((job?.queuedAt ?? 0) - row.at)).toBeLessThanOrEqual(0.5);
});

test('five failures open the circuit: its lane waits, then gets one probe, and an answer closes it', async () => {
  await accept(12);
  const fail = { attempt: null, postponement: POSTPONED };
  for (let failures = 0; failures < 5; ) {
    for (const job of await feedJobs({ database: practice.database }, 10)) {
      const posting = await claimPosting(
        { database: practice.database },
        {
          jobId: job.id,
          fence: job.fence,
          leaseMs: 60_000,
        },
      );
      if (posting !== null)
        await retryPosting({ database: practice.database }, { claim: posting.claim, ...fail });
      failures += 1;
    }
  }
  expect(await feedJobs({ database: practice.database }, 10)).toEqual([]);
  await sql('UPDATE lanes SET open_until = now() - interval $$1 s$$ WHERE open_until IS NOT NULL');
  const [probe, ...more] = await feedJobs({ database: practice.database }, 10);
  expect(more).toEqual([]);
  const posting = await claimPosting(
    { database: practice.database },
    {
      jobId: probe?.id ?? '',
      fence: probe?.fence ?? -1,
      leaseMs: 60_000,
    },
  );
  if (posting !== null) await settlePayment({ database: practice.database }, settlement(posting));
  expect(
    (await feedJobs({ database: practice.database }, 10)).filter((job) => job.kind === 'post_payment').length,
  ).toBe(3);
});

test('a pause that the EMR asks for outlasts the answers to calls that were under way', async () => {
  const deps = { database: practice.database };
  await accept(5);
  const take = async () => {
    const [job] = await feedJobs(deps, 1);
    return claimPosting(deps, { jobId: job?.id ?? '', fence: job?.fence ?? -1, leaseMs: 60_000 });
  };
  const end = async (posting: Posting | null, farEnd: Postponement['farEnd']) =>
    posting &&
    retryPosting(deps, {
      claim: posting.claim,
      attempt: null,
      postponement: { ...POSTPONED, farEnd, delayMs: 60_000, pauseMs: 60_000 },
    });
  await end(await take(), 'failing');
  const [throttled, answered, posted] = [await take(), await take(), await take()];
  await end(throttled, 'throttling');
  await end(answered, 'answering');
  expect(await feedJobs(deps, 10)).toEqual([]);
  await sql('UPDATE lanes SET failures = 1');
  if (posted !== null) await settlePayment(deps, settlement(posted));
  const fed = await feedJobs(deps, 10);
  expect(fed.map(({ kind }) => kind)).toEqual(['deliver_webhook']);
});

test('a delivery is retried, then delivered, with its attempts; 410 disables the endpoint', async () => {
  const posting = await claimed();
  await settlePayment({ database: practice.database }, settlement(posting));
  const attempt = {
    startedAt: new Date(),
    durationMs: 5,
    httpStatus: 500,
    errorKind: 'http_status',
    excerpt: 'oops',
  };

  const next = async () => {
    const [job] = await feedJobs({ database: practice.database }, 10);
    return await claimDelivery(
      { database: practice.database },
      {
        jobId: job?.id ?? '',
        fence: job?.fence ?? -1,
        leaseMs: 60_000,
      },
    );
  };
  const first = await next();
  expect(first).toMatchObject({
    attempts: 0,
    event: { id: 'evt_1' },
    endpoint: { enabled: true, secrets: [{}] },
  });
  if (first === null) return;
  const disabledEvent = { id: 'evt_disabled', type: 'endpoint.disabled', body: '{}' };
  const failing = {
    url: first.endpoint.url,
    when: 'failing_too_long',
    code: 'failing',
    reason: 'five days',
    event: disabledEvent,
  } as const;
  const retry = { claim: first.claim, clientPk: first.clientPk, attempt, disabling: failing };
  expect(
    await recordDelivery(
      { database: practice.database },
      { ...retry, next: { status: 'pending', delayMs: 0 } },
    ),
  ).toEqual({ written: true, disabled: false });
  expect(
    await recordDelivery({ database: practice.database }, { ...retry, next: { status: 'delivered' } }),
  ).toEqual({
    written: false,
    disabled: false,
  });
  expect(await sql('SELECT failing_since IS NOT NULL AS failing FROM webhook_endpoints')).toEqual([
    { failing: true },
  ]);

  const second = await next();
  if (second === null) throw new Error('the retry was not fed');
  expect(second).toMatchObject({ attempts: 1, tries: 1 });
  const gone = await recordDelivery(
    { database: practice.database },
    {
      claim: second.claim,
      clientPk: second.clientPk,
      attempt: { ...attempt, httpStatus: 410 },
      next: { status: 'failed' },
      disabling: {
        url: second.endpoint.url,
        when: 'now',
        code: 'gone',
        reason: 'The endpoint answered 410 Gone.',
        event: disabledEvent,
      },
    },
  );
  expect(gone).toEqual({ written: true, disabled: true });
  expect(await sql('SELECT status, attempts FROM deliveries')).toEqual([{ status: 'failed', attempts: 2 }]);
  expect(await sql('SELECT number, http_status FROM delivery_attempts ORDER BY number')).toEqual([
    { number: 1, http_status: 500 },
    { number: 2, http_status: 410 },
  ]);
  expect(await sql('SELECT disabled_code, disabled_reason FROM webhook_endpoints')).toEqual([
    { disabled_code: 'gone', disabled_reason: 'The endpoint answered 410 Gone.' },
  ]);
  expect(await sql("SELECT type, payment_id FROM events WHERE id = 'evt_disabled'")).toEqual([
    { type: 'endpoint.disabled', payment_id: null },
  ]);
  expect(await sql('SELECT count(*)::int AS n FROM jobs')).toEqual([{ n: 0 }]);
});
