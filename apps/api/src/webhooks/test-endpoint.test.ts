import { FLOODS, pourInto, startRawServer } from '@emr-payments/testkit/flood';
import { startReceiver } from '@emr-payments/testkit/receiver';
import { verify } from '@emr-payments/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { openWebhooks } from './webhooks.fixture.ts';

let webhooks: Awaited<ReturnType<typeof openWebhooks>>;
let it: Awaited<ReturnType<typeof webhooks.newClient>>;
beforeAll(async () => {
  webhooks = await openWebhooks();
});
beforeEach(async () => {
  it = await webhooks.newClient();
});
afterAll(() => webhooks.close());

describe('POST /v1/webhooks/{id}/test', () => {
  test.each(['v1', 'v1a'])('sends a signed event now and reports what came back (%s)', async (signing) => {
    const receiver = await startReceiver((response) => response.writeHead(202).end('thanks'));
    const endpoint = await it.register({ url: receiver.url, signing });
    const answer = await it.send('POST', `/v1/webhooks/${endpoint.id}/test`);
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
    expect(await it.api.database.prisma.event.count({ where: { clientPk: it.caller.clientPk } })).toBe(0);
  });

  test('reports a refusal, a 410 and a dead port, and does not count them against the endpoint', async () => {
    let status = 500;
    const receiver = await startReceiver((response) => response.writeHead(status).end('no'));
    const { id } = await it.register({ url: receiver.url, thin: true });
    expect((await it.send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: 500,
      error_kind: 'http_status',
      excerpt: 'no',
      detail: 'HTTP 500',
    });
    status = 410;
    expect((await it.send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      http_status: 410,
    });
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toEqual({
      id: expect.stringMatching(/^evt_/),
      type: 'webhook.test',
      created: expect.any(String),
      payment_id: null,
    });
    await it.send('PATCH', `/v1/webhooks/${id}`, { body: { url: 'http://127.0.0.1:9/', enabled: false } });
    expect((await it.send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: null,
      error_kind: 'connect',
    });
    expect((await it.send('GET', `/v1/webhooks/${id}`)).json().data.failing_since).toBeNull();
  });

  test('one at a time for an endpoint', async () => {
    const waiting: (() => void)[] = [];
    const arrived = Promise.withResolvers<void>();
    const receiver = await startReceiver((response) => {
      waiting.push(() => response.end());
      arrived.resolve();
    });
    const { id } = await it.register({ url: receiver.url });
    const first = it.send('POST', `/v1/webhooks/${id}/test`);
    await Promise.race([arrived.promise, first]);
    const second = await it.send('POST', `/v1/webhooks/${id}/test`);
    expect(second.statusCode).toBe(409);
    expect(second.json()).toMatchObject({ code: 'test_in_progress', safe_to_retry: true });
    for (const answer of waiting) answer();
    expect((await first).json().data.delivered).toBe(true);
  });

  test('one after the other for a client, three may wait: its flooding and hanging endpoints leave the rest to others', async () => {
    const waiting: (() => void)[] = [];
    const receiver = await startReceiver((response) => waiting.push(() => response.end()));
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push((await it.register({ url: `${receiver.url}?${n}` })).id);
    const tests = ids.slice(0, 4).map((id) => it.send('POST', `/v1/webhooks/${id}/test`));
    await expect.poll(() => waiting.length).toBe(1);
    for (const id of ids.slice(4)) {
      const refused = await it.send('POST', `/v1/webhooks/${id}/test`);
      expect([refused.statusCode, refused.json().code]).toEqual([409, 'test_in_progress']);
    }
    const other = requestsOf(it.api.app, await it.api.newCaller());
    const answering = await startReceiver();
    const theirs = (await other('POST', '/v1/webhooks', { body: { url: answering.url } })).json().data.id;
    expect((await other('POST', `/v1/webhooks/${theirs}/test`)).json().data.delivered).toBe(true);
    for (let n = 0; n < 4; n += 1) {
      await expect.poll(() => waiting.length).toBe(n + 1);
      waiting[n]?.();
    }
    for (const one of await Promise.all(tests)) expect(one.json().data.delivered).toBe(true);
    const again = it.send('POST', `/v1/webhooks/${ids[5]}/test`);
    await expect.poll(() => waiting.length).toBe(5);
    waiting[4]?.();
    expect((await again).json().data.delivered).toBe(true);
  });

  test('an endpoint that floods is no delivery, with a reason', async () => {
    const flood = await startRawServer((socket) => pourInto(socket, FLOODS['interim answers']));
    onTestFinished(() => flood.close());
    const { id } = await it.register({ url: flood.url });
    expect((await it.send('POST', `/v1/webhooks/${id}/test`)).json().data).toMatchObject({
      delivered: false,
      http_status: null,
      error_kind: 'answer_too_large',
      detail: 'there were more than 8 interim answers',
    });
  });
});
