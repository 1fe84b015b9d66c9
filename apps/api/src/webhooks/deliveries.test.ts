import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { writeDelivery } from '../testing/event-rows.ts';
import { ago, openWebhooks } from './webhooks.fixture.ts';

let webhooks: Awaited<ReturnType<typeof openWebhooks>>;
let it: Awaited<ReturnType<typeof webhooks.newClient>>;
beforeAll(async () => {
  webhooks = await openWebhooks();
});
beforeEach(async () => {
  it = await webhooks.newClient();
});
afterAll(() => webhooks.close());

describe('GET /v1/webhooks/{id}/deliveries', () => {
  test('shows deliveries with their attempts, newest first, filtered and paged', async () => {
    const { id } = await it.register();
    const [a, b, c] = [await it.event(30), await it.event(20, 'payment.failed'), await it.event(10)];
    await writeDelivery(it.api.database, {
      eventId: a,
      endpointId: id,
      status: 'failed',
      createdAt: new Date(ago(30)),
    });
    await writeDelivery(it.api.database, { eventId: b, endpointId: id, status: 'delivered' });
    await writeDelivery(it.api.database, { eventId: c, endpointId: id, status: 'canceled' });
    const list = async (query = '') => (await it.send('GET', `/v1/webhooks/${id}/deliveries${query}`)).json();
    const ids = ({ data }: { data: { event_id: string }[] }) => data.map(({ event_id }) => event_id);

    const all = await list();
    expect(ids(all)).toEqual([c, b, a]);
    expect(all.data[2]).toEqual({
      id: expect.any(Number),
      event_id: a,
      event_type: 'payment.created',
      status: 'failed',
      created_at: expect.any(String),
      finished_at: expect.any(String),
      next_attempt_at: null,
      attempt_count: 1,
      attempts: [
        {
          number: 1,
          started_at: expect.any(String),
          http_status: 500,
          duration_ms: 12,
          error_kind: 'http_status',
          excerpt: 'oops',
        },
      ],
    });
    expect(ids(await list('?status=failed'))).toEqual([a]);
    expect(ids(await list('?event_type=payment.failed'))).toEqual([b]);
    expect(ids(await list(`?created_after=${ago(15)}`))).toEqual([c, b]);
    const first = await list('?limit=2');
    expect(ids(await list(`?limit=2&cursor=${first.next_cursor}`))).toEqual([a]);
    expect((await it.send('GET', `/v1/webhooks/${id}/deliveries?status=lost`)).statusCode).toBe(400);
    for (const noTime of ['today', '2026-12-31T23:59:60Z'])
      expect((await it.send('GET', `/v1/webhooks/${id}/deliveries?created_after=${noTime}`)).statusCode).toBe(
        400,
      );
  });

  test('says when the next attempt of a pending one is', async () => {
    const { id } = await it.register();
    const eventId = await it.event(1);
    await it.send('POST', `/v1/events/${eventId}/redeliver`, { body: { endpoint_id: id } });
    const { data } = (await it.send('GET', `/v1/webhooks/${id}/deliveries?status=pending`)).json();
    expect(data).toMatchObject([{ event_id: eventId, next_attempt_at: expect.any(String), attempts: [] }]);
  });
});

test('disabling and deleting cancel pending deliveries, and leave nothing in the outbox', async () => {
  const [kept, gone] = [await it.register(), await it.register()];
  const eventId = await it.event(1);
  await it.send('POST', `/v1/events/${eventId}/redeliver`);
  await it.send('PATCH', `/v1/webhooks/${kept.id}`, { body: { enabled: false } });
  await it.send('DELETE', `/v1/webhooks/${gone.id}`);
  expect(await it.jobsOf(kept.id)).toEqual([]);
  expect(await it.jobsOf(gone.id)).toEqual([]);
  const { data } = (await it.send('GET', `/v1/webhooks/${kept.id}/deliveries`)).json();
  expect(data).toMatchObject([{ event_id: eventId, status: 'canceled', finished_at: expect.any(String) }]);
});

test('another client’s ids are not found, on any route', async () => {
  const { id } = await it.register();
  const eventId = await it.event(1);
  await writeDelivery(it.api.database, { eventId, endpointId: id, status: 'failed' });
  const recovery = await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
  const recoveryId = recovery.json().data.id;
  const stranger = await it.api.newCaller();
  const other = requestsOf(it.api.app, stranger);
  const theirs = (await other('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:4001/' } })).json()
    .data.id;
  const before = await it.api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });

  const tries = [
    ['GET', `/v1/webhooks/${id}`, undefined, 'endpoint_not_found'],
    ['PATCH', `/v1/webhooks/${id}`, { enabled: false }, 'endpoint_not_found'],
    ['PATCH', `/v1/webhooks/${id}`, { url: 'http://127.0.0.1:4009/' }, 'endpoint_not_found'],
    ['DELETE', `/v1/webhooks/${id}`, undefined, 'endpoint_not_found'],
    ['POST', `/v1/webhooks/${id}/rotate-secret`, {}, 'endpoint_not_found'],
    ['POST', `/v1/webhooks/${id}/test`, undefined, 'endpoint_not_found'],
    ['GET', `/v1/webhooks/${id}/deliveries`, undefined, 'endpoint_not_found'],
    ['POST', `/v1/webhooks/${id}/recover`, { since: ago(5) }, 'endpoint_not_found'],
    ['GET', `/v1/webhooks/${id}/recoveries/${recoveryId}`, undefined, 'endpoint_not_found'],
    ['GET', `/v1/webhooks/${theirs}/recoveries/${recoveryId}`, undefined, 'recovery_not_found'],
    ['GET', `/v1/events/${eventId}`, undefined, 'event_not_found'],
    ['POST', `/v1/events/${eventId}/redeliver`, {}, 'event_not_found'],
    ['POST', `/v1/events/${eventId}/redeliver`, { endpoint_id: id }, 'endpoint_not_found'],
    ['POST', `/v1/events/${eventId}/redeliver`, { endpoint_id: theirs }, 'event_not_found'],
  ] as const;
  for (const [method, url, body, code] of tries) {
    const answer = await other(method, url, { body });
    expect(answer.statusCode, `${method} ${url}`).toBe(404);
    expect(answer.json()).toMatchObject({ success: false, code, safe_to_retry: false });
  }
  expect((await other('GET', '/v1/webhooks')).json().data.map((one: { id: string }) => one.id)).toEqual([
    theirs,
  ]);
  expect((await other('GET', '/v1/events')).json().data).toEqual([]);
  expect(await it.api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } })).toEqual(before);
});
