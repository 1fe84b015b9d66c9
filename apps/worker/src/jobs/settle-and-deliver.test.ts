import { type DueJob, sweepJobs } from '@emr-payments/db';
import { type Received, startReceiver } from '@emr-payments/testkit/receiver';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { deliverWebhook } from './deliver-webhook.ts';

const PATIENCE = { timeout: 30_000, interval: 5 };
const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let received: Received[];
let worker: WorkerFixture;
let handed: DueJob[];
/** Free places for deliveries, and how many of them are taken. */
let free: number;
let taken: number;
const leavePlace = () => true;

beforeEach(async () => {
  const receiver = await startReceiver();
  ({ received } = receiver);
  worker = await openWorkerFixture({ endpointUrl: receiver.url, sandbox: emr() });
  handed = [];
  free = 1;
  taken = 0;
  const giveBack = () => {
    taken -= 1;
  };
  worker.deps.handOver = { isOpen: () => true, take: (jobs) => void handed.push(...jobs) };
  worker.deps.here = {
    takePlace() {
      if (taken === free) return null;
      taken += 1;
      let inUse = false;
      return {
        giveBack: () => {
          if (!inUse) giveBack();
        },
        use(work) {
          inUse = true;
          void work(leavePlace).finally(giveBack);
        },
      };
    },
    deliver: (claimed) => deliverWebhook(worker.deps, claimed),
  };
  // Without an open connection for sets a settlement goes to the general pool after 0.3 s, and feeds nothing.
  await vi.waitFor(() => worker.database.pools.sets.query('SELECT 1'), PATIENCE);
});
afterEach(() => worker.close());

const jobs = () => worker.rows('SELECT kind, fence FROM jobs');

test('the delivery of a payment that is settled alone is sent without the queue, in a place of its own', async () => {
  const claim = vi.spyOn(worker.deps.steps, 'claimDelivery');
  const held = vi.spyOn(worker.deps.leases, 'hold');
  const delivered = vi.spyOn(worker.deps.here ?? expect.fail(), 'deliver');
  await worker.accept();
  await worker.workOne('post_payment');
  const settledAt = performance.now();
  await vi.waitFor(async () => expect(await jobs()).toEqual([]), PATIENCE);
  expect(received.map(({ body }) => JSON.parse(body).type)).toEqual(['payment.created']);
  expect(delivered).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ leavePlace }));
  expect(await worker.rows('SELECT status, attempts FROM deliveries')).toEqual([
    { status: 'delivered', attempts: 1 },
  ]);
  expect(handed).toEqual([]);
  expect(claim).not.toHaveBeenCalled();
  // The lease begins with the statement, and not with its answer.
  expect(held).toHaveBeenCalledTimes(2);
  expect(held.mock.calls[1]?.[1]).toBeLessThan(settledAt);
  await vi.waitFor(() => expect(taken).toBe(0), PATIENCE);
  claim.mockRestore();
});

test('without a free place it goes through the queue', async () => {
  free = 0;
  await worker.accept();
  await worker.workOne('post_payment');
  expect(handed).toHaveLength(1);
  expect(await jobs()).toEqual([{ kind: 'deliver_webhook', fence: 0 }]);
  expect(received).toEqual([]);
});

test('a worker that ends after the settlement leaves a claim that the sweeper takes back', async () => {
  const { steps } = worker.deps;
  const ends = { ...steps };
  ends.settlePayment = async (...asked) => {
    await steps.settlePayment(...asked);
    throw new Error('the process has ended');
  };
  worker.deps.steps = { ...ends, retryPosting: async () => null };
  await worker.accept();
  await worker.workOne('post_payment');
  expect(taken).toBe(0);
  expect(received).toEqual([]);
  expect(await jobs()).toEqual([{ kind: 'deliver_webhook', fence: 1 }]);

  worker.deps.steps = steps;
  await worker.rows(`UPDATE jobs SET lease_until = now() - interval '1 s'`);
  const waiting = { post_payment: null, deliver_webhook: null, sync_connection: null };
  const swept = await sweepJobs(worker, { unclaimedMs: 5_000, limit: 10, waiting });
  expect(swept).toEqual({ expired: 1, unclaimed: 0 });
  expect(await worker.workOne('deliver_webhook')).toBe(true);
  expect(received).toHaveLength(1);
  expect(await jobs()).toEqual([]);
});

test('places that nothing was claimed for are given back', async () => {
  free = 9;
  await worker.rows('UPDATE webhook_endpoints SET disabled_at = now()');
  await worker.accept();
  await worker.workOne('post_payment');
  expect(taken).toBe(0);
  expect(await jobs()).toEqual([]);
});
