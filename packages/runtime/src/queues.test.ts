import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { openTestDatabase, redisForTests, type TestDatabase } from '@emr-payments/testkit';
import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import type { QueueEntry } from './queue-bundles.ts';
import { openTransport } from './queues.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const logger = createLogger('test', 'silent');

/** A relay in front of a server. While it is closed, the server looks as if it were away. */
type Gate = { url: string; open(): Promise<void>; close(): Promise<void> };

async function gateTo(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const server: Server = createServer((inward) => {
    const outward = connect({ host: hostname, port: Number(port) });
    for (const socket of [inward, outward]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    inward.pipe(outward).pipe(inward);
  });
  const listen = (at: number) =>
    new Promise<number>((resolve) => {
      server.listen(at, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  const own = await listen(0);
  await close();
  const url = new URL(target);
  url.port = String(own);
  return {
    url: url.href,
    open: async () => {
      await listen(own);
    },
    close,
  };
}

let database: TestDatabase | undefined;
afterEach(async () => {
  await database?.drop();
  database = undefined;
});

const backends = [
  { backend: 'PostgreSQL', redis: false },
  { backend: 'Redis', redis: true },
].filter(({ redis }) => !redis || redisForTests() !== null);

test.each(backends)(
  'a process that starts while $backend is away works as soon as it is back',
  async ({ redis }) => {
    database = await openTestDatabase();
    const gate = await gateTo(redis ? (redisForTests()?.url ?? '') : database.appUrl);
    const transport = openTransport(
      { logger },
      redis ? { redisUrl: gate.url, databaseUrl: database.appUrl } : { databaseUrl: gate.url },
    );
    const handled: QueueEntry[] = [];
    const consumer = transport.consume('post-payment', async ({ job, fence }) => {
      handled.push({ job, fence });
    });
    const entry = { job: String(Date.now()), fence: 0 };
    await expect(transport.ping()).rejects.toThrow();
    const early = transport.add('post-payment', [entry]).catch(() => undefined);

    await gate.open();
    await early;
    await vi.waitFor(() => transport.ping(), PATIENCE);
    await vi.waitFor(() => transport.add('post-payment', [entry]), PATIENCE);
    await vi.waitFor(() => expect(handled).toContainEqual(entry), PATIENCE);

    await consumer.close(1_000);
    await transport.close();
    await gate.close();
  },
);

test('PostgreSQL that goes away while BullMQ first reads the schema fails the call and does not end the process', async () => {
  // Speaks just enough of the protocol to accept a connection, and closes it at the first query.
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]));
      socket.once('data', () => socket.destroy());
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note);
  const databaseUrl = `postgresql://nobody@127.0.0.1:${port}/none?sslmode=disable`;
  const transport = openTransport({ logger }, { databaseUrl });
  await expect(transport.add('post-payment', [{ job: '1', fence: 0 }])).rejects.toThrow();
  await new Promise((resolve) => setImmediate(resolve));
  process.off('uncaughtException', note);
  await transport.close();
  server.close();
  expect(uncaught).toEqual([]);
});
