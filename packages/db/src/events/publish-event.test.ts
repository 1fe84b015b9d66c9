import { newEventId, newWebhookEndpointId, userConnectedEvent } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { listenForJobs } from '../core/listen.ts';
import { inTransaction } from '../core/transaction.ts';
import { pageOfEvents } from '../delivery/read-events.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { createClient } from '../tenants/create-client.ts';
import { disableEndpoint } from '../tenants/disable.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { publishEvent } from './publish-event.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };
let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const endpoint = (eventTypes: string[], clientPk = practice.clientPk) =>
  registerEndpoint(practice, {
    clientPk,
    url: `https://example.com/${newWebhookEndpointId()}`,
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    concurrency: 2,
    eventTypes,
  });
const event = () =>
  userConnectedEvent({
    eventId: newEventId(),
    created: new Date(),
    userPublicId: practice.publicId,
    connectSessionId: 'cs_1',
  });
const publish = (published: ReturnType<typeof event>, commit: boolean) =>
  inTransaction(practice, async (tx) => {
    const { clientPk, userId } = practice;
    await publishEvent(tx, { clientPk, userId, event: published });
    return { commit, value: undefined };
  });

test('an event about no payment has a delivery and a job for each endpoint that wants its type, and the relays are notified', async () => {
  const named = await endpoint(['user.connected']);
  // None of these gets it: one for another type, one of another client, one that is disabled.
  await endpoint(['payment.created', 'payment.failed']);
  const other = await createClient(practice, { name: 'Another integrator' });
  await endpoint([], other.clientPk);
  await disableEndpoint(practice, {
    endpointId: await endpoint([]),
    by: { actor: 'cli:alice', source: 'desk-1' },
  });
  const notified = vi.fn();
  const listener = listenForJobs({ url: practice.url, onJobs: notified });
  onTestFinished(() => listener.close());
  // The listener calls once when it begins to listen.
  await vi.waitFor(() => expect(notified).toHaveBeenCalledTimes(1), PATIENCE);
  const published = event();
  await publish(published, true);
  await vi.waitFor(() => expect(notified).toHaveBeenCalledTimes(2), PATIENCE);

  const { clientPk } = practice;
  const listed = await pageOfEvents(practice, { clientPk, after: null, limit: 10 });
  expect(listed.map(({ id, body }) => [id, JSON.parse(body)])).toEqual([[published.id, published]]);
  const stored = await practice.database.prisma.event.findFirstOrThrow({ where: { id: published.id } });
  expect(stored).toMatchObject({ userId: practice.userId, paymentId: null, round: null, jobId: null });
  const deliveries = await practice.database.prisma.delivery.findMany({ where: { eventId: published.id } });
  expect(deliveries.map(({ endpointId }) => endpointId).sort()).toEqual([named, practice.endpointId].sort());
  const jobs = await practice.database.prisma.job.findMany({ where: { eventId: published.id } });
  expect(jobs.map(({ deliveryId }) => deliveryId).sort()).toEqual(deliveries.map(({ id }) => id).sort());
});

test('a transaction that is rolled back publishes nothing', async () => {
  const published = event();
  await publish(published, false);
  expect(await practice.database.prisma.event.count({ where: { id: published.id } })).toBe(0);
  expect(await practice.database.prisma.job.count({ where: { eventId: published.id } })).toBe(0);
});
