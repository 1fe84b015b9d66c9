import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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

describe('POST /v1/webhooks/{id}/recover', () => {
  test('sends what failed, was canceled, or came about while it was disabled, spread over time', async () => {
    const { id } = await it.register({ event_types: ['payment.created'] });
    await it.api.database.prisma.webhookEndpoint.update({
      where: { id },
      data: { createdAt: new Date(ago(100)) },
    });
    const tooOld = await it.event(60);
    await writeDelivery(it.api.database, { eventId: tooOld, endpointId: id, status: 'failed' });
    const failed = await it.event(50);
    await writeDelivery(it.api.database, { eventId: failed, endpointId: id, status: 'failed' });
    const canceled = await it.event(40);
    await writeDelivery(it.api.database, { eventId: canceled, endpointId: id, status: 'canceled' });
    const delivered = await it.event(35);
    await writeDelivery(it.api.database, { eventId: delivered, endpointId: id, status: 'delivered' });
    await it.event(30, 'payment.failed');
    const missed = await it.event(20);

    const answer = await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(55) } });
    const { data } = answer.json();
    expect(answer.json().message).toBe('Recovering. GET the recovery to follow it.');
    expect(data).toEqual({
      id: expect.stringMatching(/^rec_/),
      endpoint_id: id,
      since: expect.any(String),
      until: expect.any(String),
      state: 'running',
      status: 'running',
      total: null,
      found: 0,
      searched_until: null,
      done: 0,
      delivered: 0,
      failed: 0,
      more: false,
      created_at: expect.any(String),
    });
    expect(await it.jobsOf(id)).toEqual([]);
    await it.takeTurns();
    const jobs = await it.jobsOf(id);
    expect(jobs.map(({ event_id }) => event_id)).toEqual([failed, canceled, missed]);
    const gaps = jobs.map(({ in_ms }) => Math.round(in_ms - (jobs[0]?.in_ms ?? 0)));
    expect(gaps).toEqual([0, 10, 20]);

    const url = `/v1/webhooks/${id}/recoveries/${data.id}`;
    await it.api.database.prisma.delivery.updateMany({
      where: { eventId: failed, endpointId: id },
      data: { status: 'delivered' },
    });
    expect((await it.send('GET', url)).json().data).toMatchObject({
      status: 'running',
      total: 3,
      found: 3,
      searched_until: data.until,
      done: 1,
      delivered: 1,
      failed: 0,
    });
    await it.api.database.prisma.delivery.updateMany({
      where: { endpointId: id },
      data: { status: 'failed' },
    });
    expect((await it.send('GET', url)).json().data).toMatchObject({ status: 'done', done: 3, failed: 3 });

    await it.api.database.prisma.delivery.updateMany({
      where: { endpointId: id },
      data: { status: 'delivered' },
    });
    const nothing = await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(55) } });
    await it.takeTurns();
    const { data: ended } = (
      await it.send('GET', `/v1/webhooks/${id}/recoveries/${nothing.json().data.id}`)
    ).json();
    expect(ended).toMatchObject({ total: 0, found: 0, status: 'done' });
  });

  test('is offered when an endpoint is enabled again, and refused before', async () => {
    const { id } = await it.register();
    // The event is older than the first failure to deliver it.
    const eventId = await it.event(6);
    await writeDelivery(it.api.database, { eventId, endpointId: id, status: 'failed' });
    await it.api.database.prisma.webhookEndpoint.update({
      where: { id },
      data: { failingSince: new Date(ago(5)) },
    });
    await it.send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false } });
    await it.event(0);
    const refused = await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
    expect(refused.json()).toMatchObject({ code: 'endpoint_disabled' });
    const { recoverable } = (await it.send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true } })).json()
      .data;
    expect(recoverable).toEqual({ since: expect.any(String), count: 2 });
    await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: recoverable.since } });
    await it.takeTurns();
    expect(await it.jobsOf(id)).toHaveLength(2);
  });

  test('two at the same moment take each event once', async () => {
    const { id } = await it.register();
    const since = ago(1);
    for (let n = 0; n < 20; n += 1) {
      const eventId = await it.event(0.5);
      await writeDelivery(it.api.database, {
        eventId,
        endpointId: id,
        status: n % 2 ? 'failed' : 'canceled',
      });
    }
    await Promise.all(
      [1, 2, 3].map(() => it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since } })),
    );
    await Promise.all([it.takeTurns(), it.takeTurns()]);
    await it.takeTurns();
    expect(await it.jobsOf(id)).toHaveLength(20);
  });

  test('is canceled when the endpoint is disabled, and with a key is started once', async () => {
    const { id } = await it.register();
    await writeDelivery(it.api.database, { eventId: await it.event(1), endpointId: id, status: 'failed' });
    const url = `/v1/webhooks/${id}/recover`;
    const first = await it.send('POST', url, { key: 'again', body: { since: '2026-06-02T00:00:00Z' } });
    const replay = await it.send('POST', url, { key: 'again', body: { since: '2026-06-02T00:00:00Z' } });
    expect(replay.json()).toEqual(first.json());
    expect(await it.api.database.prisma.recovery.count({ where: { endpointId: id } })).toBe(1);
    const log = await it.api.database.prisma.auditEntry.findMany({ where: { subject: `endpoint:${id}` } });
    expect(log.filter(({ action }) => action === 'endpoint.recover')).toMatchObject([
      { detail: { since: '2026-06-02T00:00:00.000Z', until: 'now' } },
    ]);
    await it.send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false } });
    await it.takeTurns();
    const { data } = (await it.send('GET', `/v1/webhooks/${id}/recoveries/${first.json().data.id}`)).json();
    expect(data).toMatchObject({ status: 'canceled', total: null, found: 0, done: 0 });
    expect(await it.jobsOf(id)).toEqual([]);
  });

  test('more than 50 that are searching are refused', async () => {
    const { id } = await it.register();
    const recovery = { endpointId: id, since: new Date(ago(5)), until: new Date(), found: 1 };
    await it.api.database.prisma.recovery.createMany({
      data: Array.from({ length: 50 }, (_, n) => ({ ...recovery, id: `rec_${id}_${n}` })),
    });
    const refused = await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: 'recovery_limit_reached', safe_to_retry: true });
    await it.api.database.prisma.recovery.update({ where: { id: `rec_${id}_0` }, data: { total: 1 } });
    expect(
      (await it.send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } })).statusCode,
    ).toBe(200);
  });

  test.each([
    ['since', {}],
    ['since', { since: 'yesterday' }],
    ['since', { since: '2999-01-01T00:00:00Z' }],
    ['since', { since: '2026-06-02T00:00:00Z', until: '2026-06-01T00:00:00Z' }],
    ['until', { since: '2026-06-02T00:00:00Z', until: 5 }],
  ])('refuses a wrong %s: %j', async (field, body) => {
    const { id } = await it.register();
    const answer = await it.send('POST', `/v1/webhooks/${id}/recover`, { body });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain(`required field: ${field} (`);
  });
});
