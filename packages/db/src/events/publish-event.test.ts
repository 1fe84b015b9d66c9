import { newEventId, newWebhookEndpointId, userConnectedEvent } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { pageOfEvents } from '../delivery/read-events.ts';
import { registerEndpoint } from '../endpoints/register-endpoint.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { publishEvent } from './publish-event.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const endpoint = (eventTypes: string[]) =>
  registerEndpoint(practice, {
    clientPk: practice.clientPk,
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

test('an event about no payment has a delivery and a job for each endpoint that wants its type, in the commit of its fact', async () => {
  const named = await endpoint(['user.connected']);
  const others = await endpoint(['payment.created', 'payment.failed']);
  const published = event();
  await publish(published, true);

  const { clientPk } = practice;
  const listed = await pageOfEvents(practice, { clientPk, after: null, limit: 10 });
  expect(listed.map(({ id, body }) => [id, JSON.parse(body)])).toEqual([[published.id, published]]);
  const stored = await practice.database.prisma.event.findFirstOrThrow({ where: { id: published.id } });
  expect(stored).toMatchObject({ userId: practice.userId, paymentId: null, round: null, jobId: null });
  const deliveries = await practice.database.prisma.delivery.findMany({ where: { eventId: published.id } });
  expect(deliveries.map(({ endpointId }) => endpointId).sort()).toEqual([named, practice.endpointId].sort());
  expect(deliveries.map(({ endpointId }) => endpointId)).not.toContain(others);
  const jobs = await practice.database.prisma.job.findMany({ where: { eventId: published.id } });
  expect(jobs.map(({ deliveryId }) => deliveryId).sort()).toEqual(deliveries.map(({ id }) => id).sort());
});

test('a transaction that is rolled back publishes nothing', async () => {
  const published = event();
  await publish(published, false);
  expect(await practice.database.prisma.event.count({ where: { id: published.id } })).toBe(0);
  expect(await practice.database.prisma.job.count({ where: { eventId: published.id } })).toBe(0);
});
