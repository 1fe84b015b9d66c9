import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Send } from '../testing/client-requests.ts';
import { writeDelivery, writeEvent } from '../testing/event-rows.ts';
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

describe('POST /v1/events/{id}/redeliver', () => {
  test('goes to every enabled endpoint that wants it, or to the one that is named', async () => {
    const [wants, not, off] = [
      await it.register(),
      await it.register({ event_types: ['payment.failed'] }),
      await it.register(),
    ];
    await it.send('PATCH', `/v1/webhooks/${off.id}`, { body: { enabled: false } });
    const eventId = await it.event(5);
    await writeDelivery(it.api.database, { eventId, endpointId: wants.id, status: 'delivered' });

    const redeliver = (endpoint_id?: string) =>
      it.send('POST', `/v1/events/${eventId}/redeliver`, {
        body: endpoint_id === undefined ? {} : { endpoint_id },
      });
    expect((await redeliver()).json().data).toEqual({ event_id: eventId, endpoint_ids: [wants.id] });
    const nothing = await redeliver();
    expect([nothing.statusCode, nothing.json()]).toMatchObject([
      409,
      {
        code: 'nothing_to_redeliver',
        message: `Nothing was sent again: the event already waits for its next attempt at the webhook endpoint ${wants.id}.`,
        hint: expect.stringContaining('`next_attempt_at`'),
      },
    ]);
    expect((await redeliver(not.id)).json().data.endpoint_ids).toEqual([not.id]);
    expect((await redeliver(off.id)).json()).toMatchObject({ code: 'endpoint_disabled' });
    expect((await redeliver('we_none')).json()).toMatchObject({ code: 'endpoint_not_found' });
    expect(await it.jobsOf(wants.id)).toHaveLength(1);
    expect(await it.jobsOf(off.id)).toHaveLength(0);

    await it.send('PATCH', `/v1/webhooks/${wants.id}`, { body: { enabled: false } });
    expect((await redeliver()).json()).toMatchObject({
      code: 'nothing_to_redeliver',
      message: 'Nothing was sent again: no enabled endpoint subscribes to the type of the event.',
      hint: expect.stringContaining('`endpoint_id`'),
    });
  });

  test('to an endpoint for which it waits is refused, until what waits was canceled as the refusal says', async () => {
    const { id } = await it.register();
    const eventId = await it.event(5);
    const redeliver = () => it.send('POST', `/v1/events/${eventId}/redeliver`, { body: { endpoint_id: id } });
    expect((await redeliver()).statusCode).toBe(200);
    const waits = (await redeliver()).json();
    expect(waits).toMatchObject({
      code: 'nothing_to_redeliver',
      message: `Nothing was sent again: the event already waits for its next attempt at the webhook endpoint ${id}.`,
      hint: expect.stringMatching(
        /`next_attempt_at`.* disable the endpoint, enable it again, and recover it/,
      ),
    });
    for (const enabled of [false, true]) await it.send('PATCH', `/v1/webhooks/${id}`, { body: { enabled } });
    expect((await redeliver()).json().data).toEqual({ event_id: eventId, endpoint_ids: [id] });
  });

  test('with a key happens once', async () => {
    const { id } = await it.register();
    const eventId = await it.event(5);
    const url = `/v1/events/${eventId}/redeliver`;
    const first = await it.send('POST', url, { key: 'again' });
    const replay = await it.send('POST', url, { key: 'again' });
    expect(replay.json()).toEqual(first.json());
    expect(replay.headers['idempotent-replayed']).toBe('true');
    expect(await it.jobsOf(id)).toHaveLength(1);
  });

  test.each(['with keys', 'without keys'])(
    'at once, of two clients, %s: each gets its own answer',
    async (keys) => {
      const other = await webhooks.newClient();
      const mine = await it.register();
      const { id: endpointOfOther } = await other.register();
      const before = (await it.api.audited()).length;
      const [own, foreign] = [
        await Promise.all(Array.from({ length: 30 }, () => it.event(5))),
        [] as string[],
      ];
      for (let n = 0; n < 10; n += 1)
        foreign.push(
          await writeEvent(it.api.database, { clientPk: other.caller.clientPk, type: 'payment.created' }),
        );
      const ask = (by: Send, eventId: string) =>
        by('POST', `/v1/events/${eventId}/redeliver`, keys === 'with keys' ? { key: `k-${eventId}` } : {});
      const answers = await Promise.all([
        ...own.map((id) => ask(it.send, id)),
        ...foreign.map((id) => ask(other.send, id)),
        // Another client's event is none.
        ...foreign.map((id) => ask(it.send, id)),
      ]);
      const expected = [
        ...own.map((event_id) => ({ data: { event_id, endpoint_ids: [mine.id] } })),
        ...foreign.map((event_id) => ({ data: { event_id, endpoint_ids: [endpointOfOther] } })),
        ...foreign.map(() => ({ code: 'event_not_found' })),
      ];
      expect(answers.map((answer) => answer.json())).toMatchObject(expected);
      expect(await it.jobsOf(mine.id)).toHaveLength(30);
      expect(await it.jobsOf(endpointOfOther)).toHaveLength(10);
      const entries = (await it.api.audited())
        .slice(before)
        .filter(({ action }) => action === 'event.redeliver');
      const counted = (actor: string) =>
        entries.filter((entry) => entry.actor === actor).reduce((sum, { count }) => sum + count, 0);
      expect([counted(`client:${it.caller.client_id}`), counted(`client:${other.caller.client_id}`)]).toEqual(
        [30, 10],
      );
      // Not one for each.
      expect(entries.length).toBeLessThan(20);
    },
  );
});

describe('GET /v1/events', () => {
  test('lists and filters the client’s events, and reads one as it was sent', async () => {
    const payment = { id: randomUUID(), jobId: 4711 };
    await it.api.database.prisma.payment.create({
      data: {
        ...payment,
        userId: it.caller.userId,
        patientMrn: 'MRN-1',
        emrPatientId: 'p1',
        paymentMethod: 'Card',
        referenceNumber: '#1',
        location: '1404',
        amount: '1.00',
        depositDate: new Date('2026-06-15'),
      },
    });
    const paid = await writeEvent(it.api.database, { clientPk: it.caller.clientPk, payment });
    const [older, oldest] = [await it.event(20, 'payment.failed'), await it.event(30)];
    const ids = async (query = '') =>
      (await it.send('GET', `/v1/events${query}`)).json().data.map(({ id }: { id: string }) => id);
    expect(await ids()).toEqual([paid, older, oldest]);
    expect(await ids('?type=payment.failed')).toEqual([older]);
    expect(await ids('?job_id=4711')).toEqual([paid]);
    expect(await ids(`?payment_id=${payment.id.replaceAll('-', '')}`)).toEqual([paid]);
    expect(await ids(`?created_after=${ago(25)}`)).toEqual([paid, older]);
    const first = (await it.send('GET', '/v1/events?limit=2')).json();
    expect(await ids(`?limit=2&cursor=${first.next_cursor}`)).toEqual([oldest]);

    const stored = await it.api.database.prisma.event.findUniqueOrThrow({ where: { id: paid } });
    const read = await it.send('GET', `/v1/events/${paid}`);
    expect(read.json()).toEqual({ success: true, message: 'Event.', data: JSON.parse(stored.body) });
  });

  test.each([
    ...['type=x', 'job_id=a', 'payment_id=1', 'created_after=now', 'since=1'],
    // A leap second, which JavaScript does not know.
    'created_after=2026-12-31T23:59:60Z',
  ])('refuses %s', async (query) => {
    expect((await it.send('GET', `/v1/events?${query}`)).statusCode).toBe(400);
  });
});
