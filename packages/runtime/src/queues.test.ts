import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { openTestDatabase, redisForTests, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { openPool, watchForSilence } from './postgres-pool.ts';
import type { QueueEntry } from './queue-bundles.ts';
import { openTransport } from './queues.ts';

const PATIENCE = { timeout: 30_000, interval: 50 };
const logger = createLogger('test', 'silent');

/** A relay in front of a server. While it is closed, the server looks as if it were away. */
type Gate = {
  url: string;
  open(): Promise<void>;
  close(): Promise<void>;
  /** From now on nothing comes over the connections that there are, and nobody closes them, as when a machine has gone. New ones work. */
  loseServer(): void;
};

async function gateTo(target: string): Promise<Gate> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const outwards = new Set<Socket>();
  const server: Server = createServer((inward) => {
    const outward = connect({ host: hostname, port: Number(port) });
    outwards.add(outward);
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
    loseServer() {
      for (const socket of outwards) socket.destroy();
      outwards.clear();
    },
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

test('PostgreSQL that has gone without closing its connections holds up neither who adds nor who takes', async () => {
  database = await openTestDatabase();
  const owner = new Client({ connectionString: database.url });
  await owner.connect();
  const gate = await gateTo(database.appUrl);
  await gate.open();
  let errors = 0;
  const debug = () => {
    errors += 1;
  };
  const watch = watchForSilence();
  const transport = openTransport({ logger: { ...logger, debug }, watch }, { databaseUrl: gate.url });
  // As the process's other pools, which go on sooner when BullMQ has noticed it.
  const pool = openPool({ url: gate.url, watch, idleTimeoutMillis: 0 });
  const elsewhere = openTransport({ logger }, { databaseUrl: database.appUrl });
  const handled: string[] = [];
  const consumer = transport.consume('post-payment', async ({ job }) => void handled.push(job));
  const entry = (job: number) => [{ job: String(job), fence: 0 }];
  const takes = (job: number) =>
    vi.waitFor(() => expect(handled).toContain(String(job)), { ...PATIENCE, timeout: 60_000 });
  const listeners = async () =>
    (
      await owner.query(
        `SELECT FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE '%LISTEN bullmq_jobs%' AND state = 'idle' AND state_change < now() - interval '1 s'`,
      )
    ).rows.length;
  await transport.add('post-payment', entry(1));
  await takes(1);
  // After an outage BullMQ counts on notifications alone.
  const name = new URL(database.url).pathname.slice(1);
  await owner.query(`ALTER DATABASE "${name}" CONNECTION LIMIT 0`);
  await owner.query(
    'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  await vi.waitFor(() => expect(errors).toBeGreaterThan(10), PATIENCE);
  await owner.query(`ALTER DATABASE "${name}" CONNECTION LIMIT -1`);
  await vi.waitFor(async () => expect(await listeners()).toBe(1), PATIENCE);
  await vi.waitFor(() => pool.query('SELECT'), PATIENCE);
  gate.loseServer();
  await elsewhere.add('post-payment', entry(2));
  await takes(2);
  await vi.waitFor(() => expect(pool.totalCount).toBe(0), PATIENCE);
  // The connection that listened has gone as well, though no statement was sent on it.
  await vi.waitFor(async () => expect(await listeners()).toBe(1), PATIENCE);
  gate.loseServer();
  await vi.waitFor(() => transport.add('post-payment', entry(3)), { ...PATIENCE, timeout: 60_000 });
  await takes(3);
  await consumer.close(1_000);
  await Promise.all([transport.close(), elsewhere.close(), owner.end(), pool.end()]);
  await gate.close();
}, 120_000);

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
