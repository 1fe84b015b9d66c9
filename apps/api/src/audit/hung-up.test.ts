import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { startRawServer } from '@emr-payments/testkit/flood';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

/** Callers who close their connection before the answer has left. */

const PATIENCE = { timeout: 15_000, interval: 50 };
const TOKEN = 'only-for-this-test-0123456789abcdef';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({ metricsToken: TOKEN });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

/** Sends requests on one connection and closes it without reading, once `when` has come. */
async function hangUp(requests: string[], when: () => Promise<unknown>): Promise<void> {
  const { port } = api.app.server.address() as AddressInfo;
  const socket: Socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(requests.join(''));
  await when();
  socket.destroy();
  const open = promisify(api.app.server.getConnections.bind(api.app.server));
  await vi.waitFor(async () => expect(await open()).toBe(0), PATIENCE);
}

async function linesOf(route: string): Promise<number> {
  const { body } = await api.app.inject({ url: '/metrics', headers: { authorization: `Bearer ${TOKEN}` } });
  const of = body
    .split('\n')
    .filter((line) => line.startsWith(`emr_payments_http_requests_total{route="${route}"`));
  return of.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** Makes a caller with endpoints whose tests wait for `answer`. */
async function open(count: number) {
  const caller = await api.newCaller();
  const waiting: Socket[] = [];
  const receiver = await startRawServer((socket) => waiting.push(socket));
  onTestFinished(() => receiver.close());
  const client = requestsOf(api.app, caller);
  const requests: string[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const made = await client('POST', '/v1/webhooks', { body: { url: `${receiver.url}${nth}` } });
    const { id } = (made.json() as { data: { id: string } }).data;
    requests.push(
      `POST /v1/webhooks/${id}/test HTTP/1.1\r\nhost: a\r\nclient_id: ${caller.client_id}\r\n` +
        `client_secret: ${caller.client_secret}\r\ncontent-length: 0\r\n\r\n`,
    );
  }
  const before = await linesOf('/v1/webhooks/:id/test');
  const entries = async () =>
    (await api.audited()).filter(
      ({ action, actor }) => action === 'endpoint.test' && actor === `client:${caller.client_id}`,
    );
  return {
    requests,
    sent: () => vi.waitFor(() => expect(waiting).toHaveLength(count), PATIENCE),
    answer: (nth: number) => waiting[nth]?.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
    audited: (times: number) =>
      vi.waitFor(async () => {
        const found = await entries();
        expect(found.reduce((sum, each) => sum + each.count, 0)).toBe(times);
        expect(new Set(found.map(({ source }) => source))).toEqual(new Set(['127.0.0.1']));
      }, PATIENCE),
    logged: (times: number) =>
      vi.waitFor(async () => expect((await linesOf('/v1/webhooks/:id/test')) - before).toBe(times), PATIENCE),
  };
}

test('what a request did is audited and logged although its caller has gone before its answer', async () => {
  const { requests, sent, answer, audited, logged } = await open(1);
  await hangUp(requests, sent);
  answer(0);
  await audited(1);
  await logged(1);
});

test('so is a request whose answer waits behind another one on its connection', async () => {
  const { requests, sent, answer, audited, logged } = await open(2);
  await hangUp(requests, async () => {
    await sent();
    // Nearly always that of the second request. The first one is still under way.
    answer(1);
    await audited(1);
  });
  answer(0);
  await audited(2);
  await logged(2);
});
