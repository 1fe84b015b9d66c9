import { newEventId, paymentIdToUuid } from '@emr-payments/contracts';
import { type Span, setTracer } from '@emr-payments/runtime';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { acceptBatch } from '../accept/accept-batch.ts';
import { type Resolution, redeliverEvent, resolvePayment, retryPayment, showPayment } from '../index.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { beginAttempt } from '../posting/begin-attempt.ts';
import { type ClaimedPosting, claimPosting } from '../posting/claim-posting.ts';
import { type AttemptEnd, settlePayment } from '../posting/settle-payment.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';

const by = { actor: 'cli:alice', source: 'desk-1' };
const note = 'Looked at the day sheet.';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice({ concurrency: 100 });
});
beforeEach(async () => {
  await practice.database.prisma.job.deleteMany();
});
afterAll(() => practice.close());

async function accept(): Promise<string> {
  const [accepted] = await acceptBatch({ database: practice.database }, [practice.input()]);
  if (accepted?.outcome !== 'accepted') throw new Error('not accepted');
  return accepted.paymentId;
}

/** Feeds what is due and claims the one posting that there is. */
async function claim(): Promise<ClaimedPosting> {
  const jobs = await feedJobs({ database: practice.database }, 10);
  const job = jobs.find(({ kind }) => kind === 'post_payment');
  if (job === undefined) throw new Error('no posting is due');
  const posting = await claimPosting(
    { database: practice.database },
    { jobId: job.id, fence: job.fence, leaseMs: 60_000 },
  );
  if (posting === null) throw new Error('not claimed');
  return posting;
}

const settle = (
  posting: ClaimedPosting,
  status: 'failed' | 'needs_review',
  attempt: AttemptEnd | null = null,
) =>
  settlePayment(
    { database: practice.database },
    {
      claim: posting.claim,
      round: posting.payment.round,
      clientPk: practice.clientPk,
      result: { status, failureCode: 'emr_refused', failureReason: 'No.' },
      attempt,
      event: { id: newEventId(), type: 'payment.failed', body: '{}' },
    },
  );

async function paymentThat(status: 'failed' | 'needs_review'): Promise<string> {
  const paymentId = await accept();
  const posting = await claim();
  await beginAttempt(
    { database: practice.database },
    { claim: posting.claim, knownAbsent: false, sentTo: 'emr' },
  );
  const attempt = status === 'failed' ? { outcome: 'refused' as const } : { outcome: 'unknown' as const };
  expect(await settle(posting, status, attempt)).toBe(true);
  return paymentId;
}

const show = async (paymentId: string) => {
  const payment = await showPayment(practice, { paymentId });
  if (payment === null) throw new Error('no such payment');
  return payment;
};
const retry = (paymentId: string, userId: number | null = practice.userId) =>
  retryPayment(practice, { paymentId, userId, by });
const resolve = (paymentId: string, resolution: Resolution, userId: number | null = practice.userId) =>
  resolvePayment(practice, { paymentId, userId, resolution, note, by });
const audits = (paymentId: string) =>
  practice.database.prisma.auditEntry.findMany({ where: { subject: `payment:${paymentId}` } });

test('a settlement that is repeated because its answer was lost does not take the job of a retry that came between', async () => {
  const paymentId = await accept();
  const posting = await claim();
  expect(await settle(posting, 'failed')).toBe(true);
  expect(await retry(paymentId)).toMatchObject({ outcome: 'retrying' });
  expect(await settle(posting, 'failed')).toBe(false);
  expect((await claim()).payment).toMatchObject({ id: posting.payment.id, round: 1 });
});

test('a finding about an earlier review leaves a later one alone: the payment may have been sent again', async () => {
  const paymentId = await paymentThat('needs_review');
  const seen = (await show(paymentId)).events.at(-1)?.id;
  await resolve(paymentId, { outcome: 'not_posted' });
  await retry(paymentId);
  const posting = await claim();
  await settle(posting, 'needs_review', { outcome: 'unknown' });
  const find = (eventId: string | undefined) =>
    resolvePayment(practice, {
      ...{ paymentId, userId: practice.userId, note, by, eventId },
      resolution: { outcome: 'not_posted' },
    });
  expect(await find(seen)).toEqual({ outcome: 'another_review' });
  expect(await show(paymentId)).toMatchObject({ status: 'needs_review', round: 3 });
  expect(await find((await show(paymentId)).events.at(-1)?.id)).toMatchObject({ outcome: 'resolved' });
  expect(await find(seen)).toEqual({ outcome: 'wrong_state', status: 'failed' });
});

test('a retry is the same payment and job, accepted again, with its attempts kept', async () => {
  const paymentId = await paymentThat('failed');
  const failed = await show(paymentId);
  const outcome = await retryPayment(practice, {
    paymentId,
    userId: practice.userId,
    paymentMethod: 'Cash',
    by,
  });
  expect(outcome).toEqual({ outcome: 'retrying', paymentId, jobId: Number(failed.jobId), redirected: false });
  const again = await show(paymentId);
  expect(again).toMatchObject({
    status: 'accepted',
    round: 1,
    paymentMethod: 'Cash',
    location: '1404',
    settledAt: null,
    failureCode: null,
    failureReason: null,
    attempts: [{ number: 1, outcome: 'refused' }],
  });
  expect(again.triedSince.getTime()).toBeGreaterThan(failed.triedSince.getTime());
  expect(await audits(paymentId)).toMatchObject([
    { ...by, action: 'payment.retry', outcome: 'done', detail: { payment_method: 'Cash' } },
  ]);

  const posting = await claim();
  expect(posting).toMatchObject({ payment: { paymentMethod: 'Cash' }, sends: 1, unresolvedMs: null });
  expect(
    await beginAttempt(
      { database: practice.database },
      { claim: posting.claim, knownAbsent: false, sentTo: 'emr' },
    ),
  ).toBe(true);
  expect(await settle(posting, 'failed', { outcome: 'refused' })).toBe(true);
  const ended = await show(paymentId);
  expect(ended).toMatchObject({ status: 'failed', round: 2, attempts: [{ number: 1 }, { number: 3 }] });
  expect(ended.events.map(({ round }) => round)).toEqual([1, 2]);
});

describe('a retry goes to the patient whom the MRN names now', () => {
  const patientIs = (emrPatientId: string | null, state = 'active') =>
    practice.database.pool.query(
      `UPDATE patients SET emr_patient_id = $2, state = $3::patient_state WHERE user_id = $1 AND mrn = 'MRN-1'`,
      [practice.userId, emrPatientId, state],
    );
  afterEach(() => patientIs('p1'));

  test('after a correction, and says so in the audit log', async () => {
    const paymentId = await paymentThat('failed');
    await patientIs('p7');
    expect(await retry(paymentId)).toMatchObject({ outcome: 'retrying', redirected: true });
    expect(await claim()).toMatchObject({ payment: { patientMrn: 'MRN-1', emrPatientId: 'p7' } });
    expect(await audits(paymentId)).toMatchObject([
      { action: 'payment.retry', detail: { patient: 'changed' } },
    ]);
  });

  test('without one it is the same patient', async () => {
    const paymentId = await paymentThat('failed');
    expect(await retry(paymentId)).toMatchObject({ redirected: false });
    expect(await show(paymentId)).toMatchObject({ emrPatientId: 'p1' });
    expect((await audits(paymentId))[0]?.detail).toEqual({});
  });

  test('after a person has not found it, for the operator too', async () => {
    const paymentId = await paymentThat('needs_review');
    await resolve(paymentId, { outcome: 'not_posted' });
    await patientIs('p7');
    expect(await retry(paymentId, null)).toMatchObject({ redirected: true });
    expect(await show(paymentId)).toMatchObject({ emrPatientId: 'p7' });
  });

  test('one whom the EMR has closed gets nothing', async () => {
    const paymentId = await paymentThat('failed');
    await patientIs(null, 'closed');
    expect(await retry(paymentId)).toEqual({ outcome: 'patient_not_found', mrn: 'MRN-1' });
    expect(await show(paymentId)).toMatchObject({ status: 'failed', emrPatientId: 'p1' });
  });

  test('a payment that is under way keeps its patient', async () => {
    await accept();
    await patientIs('p7');
    expect(await claim()).toMatchObject({ payment: { emrPatientId: 'p1' } });
  });
});

test('a retry continues the trace of its own request', async () => {
  const traceparentOf = async () =>
    (await practice.database.prisma.job.findFirstOrThrow({ where: { kind: 'post_payment' } })).traceparent;
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const untraced = await paymentThat('failed');
  await retry(untraced);
  expect(await traceparentOf()).toBeNull();
  await practice.database.prisma.job.deleteMany();

  const traced = await paymentThat('failed');
  const span = { traceparent, isRunning: () => true, end: () => undefined } as Span;
  setTracer({
    startRequest: () => undefined,
    startStored: () => undefined,
    start: () => span,
    run: (_span, work) => work(),
    active: () => span,
    isForEmr: () => false,
  });
  onTestFinished(() => setTracer(undefined));
  await retry(traced);
  expect(await traceparentOf()).toBe(traceparent);
});

test('nothing of the old job fits the new one: neither its entry nor a holder of its claim', async () => {
  const paymentId = await accept();
  // Without a send: only the job's own fence remembers this claim.
  const old = await claim();
  await settle(old, 'failed');
  await retry(paymentId);
  const { jobId, fence } = old.claim;
  for (const stale of [fence - 1, fence]) {
    const entry = { jobId, fence: stale - 1, leaseMs: 60_000 };
    expect(await claimPosting({ database: practice.database }, entry)).toBeNull();
  }
  const fresh = await claim();
  expect(fresh.claim.fence).toBeGreaterThan(fence);
  expect(await settle(old, 'failed')).toBe(false);
  expect((await show(paymentId)).status).toBe('posting');
});

test('of many retries at once one is taken', async () => {
  const paymentId = await paymentThat('failed');
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => retry(paymentId)));
  expect(outcomes.filter(({ outcome }) => outcome === 'retrying')).toHaveLength(1);
  expect(outcomes).toContainEqual({ outcome: 'wrong_state', status: 'accepted' });
  const jobs = await practice.database.prisma.job.count({ where: { paymentId: paymentIdToUuid(paymentId) } });
  expect(jobs).toBe(1);
  expect(await audits(paymentId)).toHaveLength(1);
});

test('a payment in review is not sent again without a person’s decision', async () => {
  const paymentId = await paymentThat('needs_review');
  expect(await retry(paymentId)).toEqual({ outcome: 'wrong_state', status: 'needs_review' });
  expect(await resolve(paymentId, { outcome: 'not_posted' })).toMatchObject({ status: 'failed' });
  expect(await show(paymentId)).toMatchObject({
    status: 'failed',
    round: 2,
    failureCode: 'resolved_not_posted',
    // The decision ends the doubt: the next holder has nothing left to ask the EMR.
    attempts: [{ outcome: 'absent' }],
    events: [{ round: 1 }, { round: 2, type: 'payment.failed', deliveries: [{ status: 'pending' }] }],
  });
  expect(await retry(paymentId)).toMatchObject({ outcome: 'retrying' });
  expect(await claim()).toMatchObject({ unresolvedMs: null });
  expect(await audits(paymentId)).toMatchObject([
    { action: 'payment.resolve', detail: { outcome: 'not_posted', note } },
    { action: 'payment.retry' },
  ]);
});

test('a payment that two people resolve as posted at once gets one event, the published one', async () => {
  const paymentId = await paymentThat('needs_review');
  // Both have read the review before either can write.
  const { pool } = practice.database;
  const holder = await pool.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT FROM payments WHERE id = $1 FOR UPDATE', [paymentIdToUuid(paymentId)]);
  const both = Promise.all([
    resolve(paymentId, { outcome: 'posted', emrTransactionId: '13969262' }),
    resolve(paymentId, { outcome: 'posted', emrTransactionId: '13969262' }),
  ]);
  await vi.waitFor(
    async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      expect(rows).toHaveLength(2);
    },
    { timeout: 20_000 },
  );
  await holder.query('COMMIT');
  holder.release();
  const outcomes = await both;
  const [won] = outcomes.filter(({ outcome }) => outcome === 'resolved');
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['resolved', 'wrong_state']);
  const payment = await show(paymentId);
  expect(payment).toMatchObject({
    status: 'posted',
    round: 2,
    emrTransactionId: '13969262',
    failureCode: null,
    attempts: [{ outcome: 'posted' }],
  });
  expect(payment.events).toHaveLength(2);
  const event = payment.events.at(-1);
  expect(event).toMatchObject({ id: won && 'eventId' in won ? won.eventId : '', type: 'payment.created' });
  expect(JSON.parse(event?.body ?? '')).toEqual({
    id: event?.id,
    access_token_reference_id: payment.userPublicId,
    object: 'event',
    created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    type: 'payment.created',
    job_id: String(payment.jobId),
    data: {
      payment_id: paymentId,
      emr_transaction_id: '13969262',
      payment_method: 'Card',
      amount: 350,
      reference_number: '#1',
      patient_mrn: 'MRN-1',
      sequence: 2,
    },
  });
  const due = await feedJobs({ database: practice.database }, 10);
  expect(due.filter(({ kind }) => kind === 'deliver_webhook').length).toBeGreaterThan(0);
  expect(await audits(paymentId)).toHaveLength(1);
});

test('another user’s payment is not found', async () => {
  const stranger = practice.userId + 1;
  const failed = await paymentThat('failed');
  expect(await retry(failed, stranger)).toEqual({ outcome: 'not_found' });
  const review = await paymentThat('needs_review');
  expect(await resolve(review, { outcome: 'not_posted' }, stranger)).toEqual({ outcome: 'not_found' });
  expect((await show(review)).status).toBe('needs_review');
  expect(await retry(failed, null)).toMatchObject({ outcome: 'retrying' });
});

test('a redelivery sends ended deliveries again and leaves pending ones alone', async () => {
  const { prisma } = practice.database;
  const [event] = (await show(await paymentThat('failed'))).events;
  const eventId = event?.id ?? '';
  const redeliver = (clientPk: number | null = practice.clientPk) =>
    redeliverEvent(practice, { eventId, clientPk, endpointId: null, by });
  expect(await redeliver()).toEqual({ outcome: 'pending', endpointIds: [practice.endpointId] });
  const endpoint = { id: practice.endpointId ?? '' };
  await prisma.webhookEndpoint.update({ where: endpoint, data: { disabledAt: new Date() } });
  expect(await redeliver()).toEqual({ outcome: 'no_endpoint' });
  await prisma.webhookEndpoint.update({ where: endpoint, data: { disabledAt: null } });

  await prisma.job.deleteMany();
  await prisma.delivery.updateMany({ where: { eventId }, data: { status: 'failed', attempts: 10 } });
  expect(await redeliver(practice.clientPk + 1)).toEqual({ outcome: 'not_found' });
  expect(await redeliver()).toMatchObject({ outcome: 'redelivering' });
  expect(await prisma.delivery.findMany({ where: { eventId } })).toMatchObject([
    { status: 'pending', attempts: 10, finishedAt: null },
  ]);
  expect(await prisma.job.count({ where: { kind: 'deliver_webhook' } })).toBe(1);
  const audited = await prisma.auditEntry.findMany({ where: { subject: `event:${eventId}` } });
  expect(audited).toHaveLength(1);
});
