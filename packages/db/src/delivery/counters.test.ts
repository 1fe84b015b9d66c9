import { beforeEach, describe, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { resolvePayment } from '../payments/resolve-payment.ts';
import { MOST_ROUNDS, retryPayment } from '../payments/retry-payment.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { retryPosting } from '../posting/retry-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { claimDelivery } from './claim-delivery.ts';
import { recordDelivery } from './record-delivery.ts';
import { redeliverEvent } from './redeliver-event.ts';

const SMALLINT = 32_767;

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
});

const by = SYSTEM;
const sql = async (text: string, values: unknown[] = []) =>
  (await practice.database.pool.query(text, values)).rows;

async function fed() {
  const [job] = await feedJobs(practice, 10);
  if (job === undefined) throw new Error('no job was fed');
  return { jobId: job.id, fence: job.fence, leaseMs: 60_000 };
}

describe('attempts of a delivery', () => {
  const attempt = {
    startedAt: new Date(),
    durationMs: 5,
    httpStatus: 500,
    errorKind: 'http_status',
    excerpt: '',
  };

  async function deliver(next: 'delivered' | 'failed' | 'pending') {
    const delivery = await claimDelivery(practice, await fed());
    if (delivery === null) throw new Error('the delivery could not be claimed');
    const { claim, clientPk } = delivery;
    const recorded = await recordDelivery(practice, {
      claim,
      clientPk,
      attempt,
      next: next === 'pending' ? { status: next, delayMs: 0 } : { status: next },
      disabling: null,
    });
    expect(recorded).toEqual({ written: true, disabled: false });
    return delivery;
  }
  const redeliver = () =>
    redeliverEvent(practice, { eventId: 'evt_1', clientPk: null, endpointId: null, by });

  test('go on beyond 32,767, delivered or not', async () => {
    const values = [practice.clientPk];
    await sql(
      `INSERT INTO events (id, client_pk, type, body) VALUES ('evt_1', $1, 'payment.created', '{}')`,
      values,
    );
    await redeliver();
    await deliver('delivered');
    await sql('UPDATE deliveries SET attempts = $1', [SMALLINT - 1]);
    for (const next of ['delivered', 'delivered', 'failed', 'failed'] as const) {
      expect(await redeliver()).toMatchObject({ outcome: 'redelivering' });
      await deliver(next);
    }
    expect(await sql('SELECT attempts FROM deliveries')).toEqual([{ attempts: SMALLINT + 3 }]);
    expect(await sql('SELECT number FROM delivery_attempts ORDER BY number')).toEqual(
      [1, SMALLINT, SMALLINT + 1, SMALLINT + 2, SMALLINT + 3].map((number) => ({ number })),
    );
  });

  test('may be as many while the tries of its job have reached the end of their column', async () => {
    const values = [practice.clientPk];
    await sql(
      `INSERT INTO events (id, client_pk, type, body) VALUES ('evt_1', $1, 'payment.created', '{}')`,
      values,
    );
    await redeliver();
    await sql('UPDATE jobs SET tries = $1', [SMALLINT]);
    await deliver('pending');
    await sql('UPDATE jobs SET run_at = now()');
    expect((await deliver('pending')).tries).toBe(1000);
  });
});

describe('rounds of a payment', () => {
  async function payment(): Promise<string> {
    const outcome = await createAcceptor(practice).accept(practice.input());
    if (outcome.outcome !== 'accepted') throw new Error(outcome.outcome);
    return outcome.paymentId;
  }
  const event = (n: number) => ({ id: `evt_p${n}`, type: 'payment.failed', body: '{}' });
  const FAILED = { status: 'failed', failureCode: 'unknown_location', failureReason: 'x' } as const;

  async function settle(n: number, result: { status: 'failed' | 'needs_review' } = { status: 'failed' }) {
    const posting = await claimPosting(practice, await fed());
    if (posting === null) throw new Error('the job could not be claimed');
    const { claim } = posting;
    const { clientPk } = practice;
    const settlement = {
      claim,
      round: posting.payment.round,
      clientPk,
      result: { ...FAILED, ...result },
      attempt: null,
      event: event(n),
    };
    expect(await settlePayment(practice, settlement)).toBe(true);
  }
  const roundOf = async () => (await sql('SELECT round, status FROM payments'))[0];

  test('are a thousand at most: then a retry is refused, and changes nothing', async () => {
    const paymentId = await payment();
    await sql('UPDATE payments SET round = $1', [MOST_ROUNDS - 2]);
    await settle(1);
    const input = { paymentId, userId: practice.userId, by };
    expect(await retryPayment(practice, input)).toMatchObject({ outcome: 'retrying' });
    await settle(2);
    const audited = await sql('SELECT count(*) FROM audit_log');
    expect(await retryPayment(practice, input)).toEqual({ outcome: 'too_often' });
    expect(await retryPayment(practice, { ...input, userId: null })).toEqual({ outcome: 'too_often' });
    expect(await retryPayment(practice, { ...input, userId: practice.userId + 1 })).toEqual({
      outcome: 'not_found',
    });
    expect(await roundOf()).toEqual({ round: MOST_ROUNDS, status: 'failed' });
    expect(await sql('SELECT count(*) FROM audit_log')).toEqual(audited);
    expect(await sql('SELECT FROM jobs WHERE payment_id IS NOT NULL')).toEqual([]);
  });

  test('that are under way are settled whatever their number', async () => {
    const paymentId = await payment();
    await sql('UPDATE payments SET round = $1', [SMALLINT - 1]);
    await settle(1, { status: 'needs_review' });
    expect(await roundOf()).toEqual({ round: SMALLINT, status: 'needs_review' });
    // No path leads here; nothing may be lost even so.
    await sql('UPDATE events SET round = 1 WHERE payment_id IS NOT NULL');
    const resolution = { outcome: 'not_posted' } as const;
    expect(
      await resolvePayment(practice, { paymentId, userId: null, resolution, note: 'x', by }),
    ).toMatchObject({
      outcome: 'resolved',
    });
    expect(await roundOf()).toEqual({ round: SMALLINT, status: 'failed' });
  });

  test('leave the tries of a job at a thousand', async () => {
    await payment();
    await sql('UPDATE jobs SET tries = $1', [SMALLINT]);
    const posting = await claimPosting(practice, await fed());
    if (posting === null) throw new Error('the job could not be claimed');
    const postponement = {
      status: 'retrying',
      code: 'timeout',
      reason: 'x',
      delayMs: 0,
      farEnd: 'failing',
      uncounted: null,
    } as const;
    await retryPosting(practice, { claim: posting.claim, attempt: null, postponement });
    expect(await sql('SELECT tries FROM jobs')).toEqual([{ tries: 1000 }]);
  });
});
