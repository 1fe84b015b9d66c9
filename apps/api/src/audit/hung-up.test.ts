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

test.each([
  ['its answer', 0],
  ['the answer to an earlier request on the same connection', 1],
])(
  'what a request did is audited and counted although its caller has gone before %s',
  async (_case, behind) => {
    const caller = await api.newCaller();
    const { client_id, client_secret } = caller;
    const waiting: Socket[] = [];
    const receiver = await startRawServer((socket) => waiting.push(socket));
    onTestFinished(() => receiver.close());
    const client = requestsOf(api.app, caller);
    const endpoints: string[] = [];
    for (const path of ['one', 'two'].slice(0, behind + 1)) {
      const made = await client('POST', '/v1/webhooks', { body: { url: `${receiver.url}${path}` } });
      endpoints.push((made.json() as { data: { id: string } }).data.id);
    }
    const before = await linesOf('/v1/webhooks/:id/test');

    await hangUp(
      endpoints.map(
        (id) =>
          `POST /v1/webhooks/${id}/test HTTP/1.1\r\nhost: a\r\nclient_id: ${client_id}\r\nclient_secret: ${client_secret}\r\ncontent-length: 0\r\n\r\n`,
      ),
      () => vi.waitFor(() => expect(waiting).toHaveLength(endpoints.length), PATIENCE),
    );
    // The last one first: its answer waits for those before it.
    for (const socket of waiting.toReversed()) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');

    await vi.waitFor(async () => {
      const tests = (await api.audited()).filter(({ action }) => action === 'endpoint.test');
      const ours = tests.filter(({ actor }) => actor === `client:${client_id}`);
      expect(ours.reduce((sum, { count }) => sum + count, 0)).toBe(endpoints.length);
      expect(new Set(ours.map(({ source }) => source))).toEqual(new Set(['127.0.0.1']));
      expect((await linesOf('/v1/webhooks/:id/test')) - before).toBe(endpoints.length);
    }, PATIENCE);
  },
);
