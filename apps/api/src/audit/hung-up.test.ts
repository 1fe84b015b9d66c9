import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { startRawServer } from '@emr-payments/testkit/flood';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

/** Callers who close their connection before the answer has left. */

const PATIENCE = { timeout: 30_000, interval: 50 };
const TOKEN = 'only-for-this-test-0123456789abcdef';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({ metricsToken: TOKEN });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

/** Opens a connection, and closes it without reading when `use` has ended. */
async function hangUp(use: (socket: Socket) => Promise<unknown>): Promise<void> {
  const { port } = api.app.server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await use(socket);
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

/** Makes callers, each with an endpoint whose test waits for `answer`: the tests of one client run one after the other. */
async function open(count: number) {
  const actors: string[] = [];
  const waiting: Socket[] = [];
  const receiver = await startRawServer((socket) => waiting.push(socket));
  onTestFinished(() => receiver.close());
  const requests: string[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const caller = await api.newCaller();
    actors.push(`client:${caller.client_id}`);
    const made = await requestsOf(api.app, caller)('POST', '/v1/webhooks', {
      body: { url: `${receiver.url}${nth}` },
    });
    const { id } = (made.json() as { data: { id: string } }).data;
    requests.push(
      `POST /v1/webhooks/${id}/test HTTP/1.1\r\nhost: a\r\nclient_id: ${caller.client_id}\r\n` +
        `client_secret: ${caller.client_secret}\r\ncontent-length: 0\r\n\r\n`,
    );
  }
  const before = await linesOf('/v1/webhooks/:id/test');
  const entries = async () =>
    (await api.audited()).filter(({ action, actor }) => action === 'endpoint.test' && actors.includes(actor));
  return {
    /** Sends the requests one after the other, and waits until each has reached the receiver. */
    async send(socket: Socket) {
      for (const [nth, request] of requests.entries()) {
        socket.write(request);
        await vi.waitFor(() => expect(waiting).toHaveLength(nth + 1), PATIENCE);
      }
    },
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
  const { send, answer, audited, logged } = await open(1);
  await hangUp(send);
  answer(0);
  await audited(1);
  await logged(1);
});
