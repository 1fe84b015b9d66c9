import { randomUUID } from 'node:crypto';
import { takeRecoveryTurn } from '@emr-payments/db';
import { FLOODS, pourInto, startRawServer } from '@emr-payments/testkit/flood';
import { startReceiver } from '@emr-payments/testkit/receiver';
import { verify } from '@emr-payments/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { writeDelivery, writeEvent } from '../testing/event-rows.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

const MINUTE = 60_000;

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let send: Send;

beforeAll(async () => {
  api = await openTestApi();
});
beforeEach(async () => {
  caller = await api.newCaller();
  send = requestsOf(api.app, caller);
});
afterAll(() => api.close());

let registered = 0;

/** Registers an endpoint with a URL of its own. */
async function register(body: object = {}): Promise<{ id: string; secret: string; public_key: string }> {
  registered += 1;
  const url = `http://127.0.0.1:4001/${registered}`;
  const answer = await send('POST', '/v1/webhooks', { body: { url, ...body } });
  return answer.json().data;
}

/** An event of so many minutes ago. */
const event = (minutesAgo: number, type = 'payment.created') =>
  writeEvent(api.database, {
    clientPk: caller.clientPk,
    type,
    createdAt: new Date(Date.now() - minutesAgo * MINUTE),
  });

const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE).toISOString();

const jobsOf = (endpointId: string) =>
  api.database.prisma.$queryRaw<{ event_id: string; in_ms: number }[]>`
    SELECT d.event_id, (extract(epoch FROM j.run_at - now()) * 1000)::float8 AS in_ms
      FROM jobs j JOIN deliveries d ON d.id = j.delivery_id WHERE d.endpoint_id = ${endpointId} ORDER BY j.run_at, j.id`;

/** Does what the workers would do for the recoveries that are due. */
async function takeTurns(): Promise<void> {
  // Tests of other files write on this server too; a recovery would wait for them.
  await api.database.prisma.recovery.updateMany({ data: { transactionId: null } });
  while ((await takeRecoveryTurn(api)) !== null);
}

describe('POST /v1/webhooks/{id}/test', () => {
  test.each(['v1', 'v1a'])('sends a signed event now and reports what came back (%s)', async (signing) => {
    const receiver = await startReceiver((response) => response.writeHead(202).end('thanks'));
    const endpoint = await register({ url: receiver.url, signing });
    const answer = await send('POST', `/v1/webhooks/${endpoint.id}/test`);
    expect(answer.json()).toMatchObject({
      success: true,
      message: 'The endpoint took the test.',
      data: { delivered: true, http_status: 202, error_kind: null, excerpt: 'thanks', detail: null },
    });
    const [got] = receiver.received;
    const secrets = [endpoint.secret ?? endpoint.public_key];
    const checked = verify({ body: got?.body ?? '', headers: got?.headers ?? {}, secrets });
    expect(checked).toMatchObject({
      ok: true,
      id: answer.json().data.event_id,
      event: { type: 'webhook.test', data: { endpoint_id: endpoint.id } },
    });
    expect(await api.database.prisma.event.count({ where: { clientPk: caller.clientPk } })).toBe(0);
  });

  test('reports a refusal, a 410 and a dead port, and does not count them against the endpoint', async () => {
    let status = 500;
    const receiver = await startReceiver((response) => response.writeHead(status).end('no'));
    const { id } = await register({ url: receiver.url, thin: true });
    expect((await send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: 500,
      error_kind: 'http_status',
      excerpt: 'no',
      detail: 'HTTP 500',
    });
    status = 410;
    expect((await send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({ http_status: 410 });
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'webhook.test',
      created: expect.any(String),
      payment_id: null,
    });
    await send('PATCH', `/v1/webhooks/${id}`, { body: { url: 'http://127.0.0.1:9/', enabled: false } });
    expect((await send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: null,
      error_kind: 'connect',
    });
    expect((await send('GET', `/v1/webhooks/${id}`)).json().data.failing_since).toBeNull();
  });

  test('one at a time for an endpoint', async () => {
    const waiting: (() => void)[] = [];
    const arrived = Promise.withResolvers<void>();
    const receiver = await startReceiver((response) => {
      waiting.push(() => response.end());
      arrived.resolve();
    });
    const { id } = await register({ url: receiver.url });
    const first = send('POST', `/v1/webhooks/${id}/test`);
    await Promise.race([arrived.promise, first]);
    const second = await send('POST', `/v1/webhooks/${id}/test`);
    expect(second.statusCode).toBe(409);
    expect(second.json()).toMatchObject({ code: 'test_in_progress', safe_to_retry: true });
    for (const answer of waiting) answer();
    expect((await first).json().data.delivered).toBe(true);
  });

  test('one after the other for a client, three may wait: its flooding and hanging endpoints leave the rest to others', async () => {
    const waiting: (() => void)[] = [];
    const receiver = await startReceiver((response) => waiting.push(() => response.end()));
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await register({ url: `${receiver.url}?${n}` })).id);
    const tests = ids.slice(0, 4).map((id) => send('POST', `/v1/webhooks/${id}/test`));
    await expect.poll(() => waiting.length).toBe(1);
    for (const id of ids.slice(4)) {
      const refused = await send('POST', `/v1/webhooks/${id}/test`);
      expect([refused.statusCode, refused.json().code]).toEqual([409, 'test_in_progress']);
    }
    const other = requestsOf(api.app, await api.newCaller());
    const answering = await startReceiver();
    const theirs = (await other('POST', '/v1/webhooks', { body: { url: answering.url } })).json().data.id;
    expect((await other('POST', `/v1/webhooks/${theirs}/test`)).json().data.delivered).toBe(true);
    for (let n = 0; n < 4; n += 1) {
      await expect.poll(() => waiting.length).toBe(n + 1);
      waiting[n]?.();
    }
    for (const one of await Promise.all(tests)) expect(one.json().data.delivered).toBe(true);
    const again = send('POST', `/v1/webhooks/${ids[5]}/test`);
    await expect.poll(() => waiting.length).toBe(5);
    waiting[4]?.();
    expect((await again).json().data.delivered).toBe(true);
  });

  test('an endpoint that floods is no delivery, with a reason', async () => {
    const flood = await startRawServer((socket) => pourInto(socket, FLOODS['interim answers']));
    onTestFinished(() => flood.close());
    const { id } = await register({ url: flood.url });
    expect((await send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: null,
      error_kind: 'answer_too_large',
      detail: 'there were more than 8 interim answers',
    });
  });
});

describe('GET /v1/webhooks/{id}/deliveries', () => {
  test('shows deliveries with their attempts, newest first, filtered and paged', async () => {
    const { id } = await register();
    const [a, b, c] = [await event(30), await event(20, 'payment.failed'), await event(10)];
    await writeDelivery(api.database, {
      eventId: a,
      endpointId: id,
      status: 'failed',
      createdAt: new Date(ago(30)),
    });
    await writeDelivery(api.database, { eventId: b, endpointId: id, status: 'delivered' });
    await writeDelivery(api.database, { eventId: c, endpointId: id, status: 'canceled' });
    const list = async (query = '') => (await send('GET', `/v1/webhooks/${id}/deliveries${query}`)).json();
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
    expect((await send('GET', `/v1/webhooks/${id}/deliveries?status=lost`)).statusCode).toBe(400);
    expect((await send('GET', `/v1/webhooks/${id}/deliveries?created_after=today`)).statusCode).toBe(400);
  });

  test('says when the next attempt of a pending one is', async () => {
    const { id } = await register();
    const eventId = await event(1);
    await send('POST', `/v1/events/${eventId}/redeliver`, { body: { endpoint_id: id } });
    const { data } = (await send('GET', `/v1/webhooks/${id}/deliveries?status=pending`)).json();
    expect(data).toMatchObject([{ event_id: eventId, next_attempt_at: expect.any(String), attempts: [] }]);
  });
});

describe('POST /v1/events/{id}/redeliver', () => {
  test('goes to every enabled endpoint that wants it, or to the one that is named', async () => {
    const [wants, not, off] = [
      await register(),
      await register({ event_types: ['payment.failed'] }),
      await register(),
    ];
    await send('PATCH', `/v1/webhooks/${off.id}`, { body: { enabled: false } });
    const eventId = await event(5);
    await writeDelivery(api.database, { eventId, endpointId: wants.id, status: 'delivered' });

    const redeliver = (endpoint_id?: string) =>
      send('POST', `/v1/events/${eventId}/redeliver`, {
        body: endpoint_id === undefined ? {} : { endpoint_id },
      });
    expect((await redeliver()).json().data).toEqual({ event_id: eventId, endpoint_ids: [wants.id] });
    expect((await redeliver()).json()).toMatchObject({ code: 'nothing_to_redeliver' });
    expect((await redeliver(not.id)).json().data.endpoint_ids).toEqual([not.id]);
    expect((await redeliver(off.id)).json()).toMatchObject({ code: 'endpoint_disabled' });
    expect((await redeliver('we_none')).json()).toMatchObject({ code: 'endpoint_not_found' });
    expect(await jobsOf(wants.id)).toHaveLength(1);
    expect(await jobsOf(off.id)).toHaveLength(0);
  });

  test('with a key happens once', async () => {
    const { id } = await register();
    const eventId = await event(5);
    const url = `/v1/events/${eventId}/redeliver`;
    const first = await send('POST', url, { key: 'again' });
    const replay = await send('POST', url, { key: 'again' });
    expect(replay.json()).toEqual(first.json());
    expect(replay.headers['idempotent-replayed']).toBe('true');
    expect(await jobsOf(id)).toHaveLength(1);
  });

  test.each(['with keys', 'without keys'])(
    'at once, of two clients, %s: each gets its own answer',
    async (keys) => {
      const other = await api.newCaller();
      const theirs = requestsOf(api.app, other);
      const mine = await register();
      registered += 1;
      const url = `http://127.0.0.1:4001/${registered}`;
      const { id: endpointOfOther } = (await theirs('POST', '/v1/webhooks', { body: { url } })).json().data;
      const before = (await api.audited()).length;
      const [own, foreign] = [await Promise.all(Array.from({ length: 30 }, () => event(5))), [] as string[]];
      for (let n = 0; n < 10; n += 1)
        foreign.push(await writeEvent(api.database, { clientPk: other.clientPk, type: 'payment.created' }));
      const ask = (by: Send, eventId: string) =>
        by('POST', `/v1/events/${eventId}/redeliver`, keys === 'with keys' ? { key: `k-${eventId}` } : {});
      const answers = await Promise.all([
        ...own.map((id) => ask(send, id)),
        ...foreign.map((id) => ask(theirs, id)),
        // Another client's event is none.
        ...foreign.map((id) => ask(send, id)),
      ]);
      const expected = [
        ...own.map((event_id) => ({ data: { event_id, endpoint_ids: [mine.id] } })),
        ...foreign.map((event_id) => ({ data: { event_id, endpoint_ids: [endpointOfOther] } })),
        ...foreign.map(() => ({ code: 'event_not_found' })),
      ];
      expect(answers.map((answer) => answer.json())).toMatchObject(expected);
      expect(await jobsOf(mine.id)).toHaveLength(30);
      expect(await jobsOf(endpointOfOther)).toHaveLength(10);
      const entries = (await api.audited())
        .slice(before)
        .filter(({ action }) => action === 'event.redeliver');
      const counted = (actor: string) =>
        entries.filter((entry) => entry.actor === actor).reduce((sum, { count }) => sum + count, 0);
      expect([counted(`client:${caller.client_id}`), counted(`client:${other.client_id}`)]).toEqual([30, 10]);
      // Not one for each.
      expect(entries.length).toBeLessThan(20);
    },
  );
});

describe('POST /v1/webhooks/{id}/recover', () => {
  test('sends what failed, was canceled, or came about while it was disabled, spread over time', async () => {
    const { id } = await register({ event_types: ['payment.created'] });
    await api.database.prisma.webhookEndpoint.update({
      where: { id },
      data: { createdAt: new Date(ago(100)) },
    });
    const tooOld = await event(60);
    await writeDelivery(api.database, { eventId: tooOld, endpointId: id, status: 'failed' });
    const failed = await event(50);
    await writeDelivery(api.database, { eventId: failed, endpointId: id, status: 'failed' });
    const canceled = await event(40);
    await writeDelivery(api.database, { eventId: canceled, endpointId: id, status: 'canceled' });
    const delivered = await event(35);
    await writeDelivery(api.database, { eventId: delivered, endpointId: id, status: 'delivered' });
    await event(30, 'payment.failed');
    const missed = await event(20);

    const answer = await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(55) } });
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
    expect(await jobsOf(id)).toEqual([]);
    await takeTurns();
    const jobs = await jobsOf(id);
    expect(jobs.map(({ event_id }) => event_id)).toEqual([failed, canceled, missed]);
    const gaps = jobs.map(({ in_ms }) => Math.round(in_ms - (jobs[0]?.in_ms ?? 0)));
    expect(gaps).toEqual([0, 25, 50]);

    const url = `/v1/webhooks/${id}/recoveries/${data.id}`;
    await api.database.prisma.delivery.updateMany({
      where: { eventId: failed, endpointId: id },
      data: { status: 'delivered' },
    });
    expect((await send('GET', url)).json().data).toMatchObject({
      status: 'running',
      total: 3,
      found: 3,
      searched_until: data.until,
      done: 1,
      delivered: 1,
      failed: 0,
    });
    await api.database.prisma.delivery.updateMany({ where: { endpointId: id }, data: { status: 'failed' } });
    expect((await send('GET', url)).json().data).toMatchObject({ status: 'done', done: 3, failed: 3 });

    await api.database.prisma.delivery.updateMany({
      where: { endpointId: id },
      data: { status: 'delivered' },
    });
    const nothing = await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(55) } });
    await takeTurns();
    const { data: ended } = (
      await send('GET', `/v1/webhooks/${id}/recoveries/${nothing.json().data.id}`)
    ).json();
    expect(ended).toMatchObject({ total: 0, found: 0, status: 'done' });
  });

  test('is offered when an endpoint is enabled again, and refused before', async () => {
    const { id } = await register();
    // The event is older than the first failure to deliver it.
    const eventId = await event(6);
    await writeDelivery(api.database, { eventId, endpointId: id, status: 'failed' });
    await api.database.prisma.webhookEndpoint.update({
      where: { id },
      data: { failingSince: new Date(ago(5)) },
    });
    await send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false } });
    await event(0);
    const refused = await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
    expect(refused.json()).toMatchObject({ code: 'endpoint_disabled' });
    const { recoverable } = (await send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true } })).json()
      .data;
    expect(recoverable).toEqual({ since: expect.any(String), count: 2 });
    await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: recoverable.since } });
    await takeTurns();
    expect(await jobsOf(id)).toHaveLength(2);
  });

  test('two at the same moment take each event once', async () => {
    const { id } = await register();
    const since = ago(1);
    for (let n = 0; n < 20; n += 1) {
      const eventId = await event(0.5);
      await writeDelivery(api.database, { eventId, endpointId: id, status: n % 2 ? 'failed' : 'canceled' });
    }
    await Promise.all([1, 2, 3].map(() => send('POST', `/v1/webhooks/${id}/recover`, { body: { since } })));
    await Promise.all([takeTurns(), takeTurns()]);
    await takeTurns();
    expect(await jobsOf(id)).toHaveLength(20);
  });

  test('is canceled when the endpoint is disabled, and with a key is started once', async () => {
    const { id } = await register();
    await writeDelivery(api.database, { eventId: await event(1), endpointId: id, status: 'failed' });
    const url = `/v1/webhooks/${id}/recover`;
    const first = await send('POST', url, { key: 'again', body: { since: '2026-06-02T00:00:00Z' } });
    const replay = await send('POST', url, { key: 'again', body: { since: '2026-06-02T00:00:00Z' } });
    expect(replay.json()).toEqual(first.json());
    expect(await api.database.prisma.recovery.count({ where: { endpointId: id } })).toBe(1);
    const log = await api.database.prisma.auditEntry.findMany({ where: { subject: `endpoint:${id}` } });
    expect(log.filter(({ action }) => action === 'endpoint.recover')).toMatchObject([
      { detail: { since: '2026-06-02T00:00:00.000Z', until: 'now' } },
    ]);
    await send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false } });
    await takeTurns();
    const { data } = (await send('GET', `/v1/webhooks/${id}/recoveries/${first.json().data.id}`)).json();
    expect(data).toMatchObject({ status: 'canceled', total: null, found: 0, done: 0 });
    expect(await jobsOf(id)).toEqual([]);
  });

  test('more than 50 that are searching are refused', async () => {
    const { id } = await register();
    const recovery = { endpointId: id, since: new Date(ago(5)), until: new Date(), found: 1 };
    await api.database.prisma.recovery.createMany({
      data: Array.from({ length: 50 }, (_, n) => ({ ...recovery, id: `rec_${id}_${n}` })),
    });
    const refused = await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: 'recovery_limit_reached', safe_to_retry: true });
    await api.database.prisma.recovery.update({ where: { id: `rec_${id}_0` }, data: { total: 1 } });
    expect((await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } })).statusCode).toBe(
      200,
    );
  });

  test.each([
    ['since', {}],
    ['since', { since: 'yesterday' }],
    ['since', { since: '2999-01-01T00:00:00Z' }],
    ['since', { since: '2026-06-02T00:00:00Z', until: '2026-06-01T00:00:00Z' }],
    ['until', { since: '2026-06-02T00:00:00Z', until: 5 }],
  ])('refuses a wrong %s: %j', async (field, body) => {
    const { id } = await register();
    const answer = await send('POST', `/v1/webhooks/${id}/recover`, { body });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain(`required field: ${field} (`);
  });
});

test('disabling and deleting cancel pending deliveries, and leave nothing in the outbox', async () => {
  const [kept, gone] = [await register(), await register()];
  const eventId = await event(1);
  await send('POST', `/v1/events/${eventId}/redeliver`);
  await send('PATCH', `/v1/webhooks/${kept.id}`, { body: { enabled: false } });
  await send('DELETE', `/v1/webhooks/${gone.id}`);
  expect(await jobsOf(kept.id)).toEqual([]);
  expect(await jobsOf(gone.id)).toEqual([]);
  const { data } = (await send('GET', `/v1/webhooks/${kept.id}/deliveries`)).json();
  expect(data).toMatchObject([{ event_id: eventId, status: 'canceled', finished_at: expect.any(String) }]);
});

describe('GET /v1/events', () => {
  test('lists and filters the client’s events, and reads one as it was sent', async () => {
    const payment = { id: randomUUID(), jobId: 4711 };
    await api.database.prisma.payment.create({
      data: {
        ...payment,
        userId: caller.userId,
        patientMrn: 'MRN-1',
        emrPatientId: 'p1',
        paymentMethod: 'Card',
        referenceNumber: '#1',
        location: '1404',
        amount: '1.00',
        depositDate: new Date('2026-06-15'),
      },
    });
    const paid = await writeEvent(api.database, { clientPk: caller.clientPk, payment });
    const [older, oldest] = [await event(20, 'payment.failed'), await event(30)];
    const ids = async (query = '') =>
      (await send('GET', `/v1/events${query}`)).json().data.map(({ id }: { id: string }) => id);
    expect(await ids()).toEqual([paid, older, oldest]);
    expect(await ids('?type=payment.failed')).toEqual([older]);
    expect(await ids('?job_id=4711')).toEqual([paid]);
    expect(await ids(`?payment_id=${payment.id.replaceAll('-', '')}`)).toEqual([paid]);
    expect(await ids(`?created_after=${ago(25)}`)).toEqual([paid, older]);
    const first = (await send('GET', '/v1/events?limit=2')).json();
    expect(await ids(`?limit=2&cursor=${first.next_cursor}`)).toEqual([oldest]);

    const stored = await api.database.prisma.event.findUniqueOrThrow({ where: { id: paid } });
    const read = await send('GET', `/v1/events/${paid}`);
    expect(read.json()).toEqual({ success: true, message: 'Event.', data: JSON.parse(stored.body) });
  });

  test.each(['type=x', 'job_id=a', 'payment_id=1', 'created_after=now', 'since=1'])(
    'refuses %s',
    async (query) => {
      expect((await send('GET', `/v1/events?${query}`)).statusCode).toBe(400);
    },
  );
});

test('another client’s ids are not found, on any route', async () => {
  const { id } = await register();
  const eventId = await event(1);
  await writeDelivery(api.database, { eventId, endpointId: id, status: 'failed' });
  const recovery = await send('POST', `/v1/webhooks/${id}/recover`, { body: { since: ago(5) } });
  const recoveryId = recovery.json().data.id;
  const stranger = await api.newCaller();
  const other = requestsOf(api.app, stranger);
  const theirs = (await other('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:4001/' } })).json()
    .data.id;
  const before = await api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });

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
  expect(await api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } })).toEqual(before);
});
