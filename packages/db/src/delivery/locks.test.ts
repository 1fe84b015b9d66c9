import { expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { claimPosting } from '../posting/claim-posting.ts';
import { settlePayment } from '../posting/settle-payment.ts';
import { openPractice } from '../testing/open-practice.ts';
import { claimDelivery } from './claim-delivery.ts';
import { recordDelivery } from './record-delivery.ts';

test('ends that close circuits do not wait for rows that are written with a reference to the lane or the endpoint', async () => {
  const practice = await openPractice();
  const { database, clientPk } = practice;
  const other = await database.pool.connect();
  try {
    const ask = async () => {
      const [job] = await feedJobs(practice, 1);
      return { jobId: job?.id ?? '', fence: job?.fence ?? 0, leaseMs: 60_000 };
    };
    await createAcceptor(practice).accept(practice.input());
    await database.pool.query('UPDATE lanes SET failures = 1');
    await database.pool.query('UPDATE webhook_endpoints SET failing_since = now()');
    // As the foreign keys of lane_caps, webhook_secrets and recoveries do it.
    await other.query('BEGIN');
    await other.query('SELECT FROM lanes FOR KEY SHARE');
    await other.query('SELECT FROM webhook_endpoints FOR KEY SHARE');

    const posting = await claimPosting(practice, await ask());
    if (posting === null) throw new Error('the posting could not be claimed');
    const settled = await settlePayment(practice, {
      claim: posting.claim,
      round: posting.payment.round,
      clientPk,
      result: { status: 'posted', emrTransactionId: '1' },
      attempt: null,
      event: { id: 'evt_1', type: 'payment.created', body: '{}' },
    });
    expect(settled).toBe(true);
    const delivery = await claimDelivery(practice, await ask());
    if (delivery === null) throw new Error('the delivery could not be claimed');
    const recorded = await recordDelivery(practice, {
      claim: delivery.claim,
      clientPk,
      attempt: { startedAt: new Date(), durationMs: 5, httpStatus: 200, errorKind: null, excerpt: '' },
      next: { status: 'delivered' },
      disabling: null,
    });
    expect(recorded.written).toBe(true);
    expect((await database.pool.query('SELECT FROM lanes WHERE failures > 0')).rowCount).toBe(0);
  } finally {
    await other.query('ROLLBACK');
    other.release();
    await practice.close();
  }
});
