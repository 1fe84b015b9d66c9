import {
  hasRedisServer,
  openTestDatabase,
  type RedisServer,
  startRedis,
  type TestDatabase,
} from '@emr-payments/testkit';
import { createPostgresBackend, Queue, withBackend } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from './logger.ts';
import { QUEUE_NAMES } from './queue-backend.ts';
import type { EntryHandler } from './queue-takers.ts';
import { openTransport, type QueueConsumer, type Transport } from './queues.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };
const logger = createLogger('test', 'silent');
const PREFIX = '{emr-payments}';

let database: TestDatabase;
const releases: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  database = await openTestDatabase();
});
afterEach(async () => {
  for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
  await database.drop();
});

let lastJob = 0;
const newEntries = (count: number, queuedAt?: number) =>
  Array.from({ length: count }, () => {
    lastJob += 1;
    return { job: String(lastJob), fence: 0, ...(queuedAt === undefined ? {} : { queuedAt }) };
  });
const jobsOf = (entries: readonly { job: string }[]) => entries.map(({ job }) => job).sort();

const backends = ['PostgreSQL', ...(hasRedisServer() ? ['Redis'] : [])];

describe.each(backends)('on %s', (backend) => {
  let redis: RedisServer | undefined;
  beforeAll(async () => {
    redis = backend === 'Redis' ? await startRedis() : undefined;
  });
  beforeEach(() => redis?.flush());
  afterAll(() => redis?.stop());

  function opened(places: number): Transport {
    const transport = openTransport(
      { logger },
      {
        databaseUrl: database.appUrl,
        concurrency: { 'post-payment': places, 'deliver-webhook': places, 'sync-connection': 1 },
        redisUrl: redis?.url,
      },
    );
    releases.push(() => transport.close());
    return transport;
  }

  function consume(transport: Transport, handler: EntryHandler): QueueConsumer {
    const consumer = transport.consume('deliver-webhook', handler);
    releases.push(() => consumer.close(1_000));
    return consumer;
  }

  const waiting = (transport: Transport) => transport.waitingSince('deliver-webhook');

  test('how many entries wait is known about, also to a process that has added none', async () => {
    const [adding, other] = [opened(256), opened(256)];
    expect([await adding.waiting('deliver-webhook'), await other.waiting('deliver-webhook')]).toEqual([0, 0]);
    await adding.add('deliver-webhook', newEntries(120));
    await adding.add('deliver-webhook', newEntries(1));
    // Three bundles of 40, and one of one entry.
    expect([await adding.waiting('deliver-webhook'), await other.waiting('deliver-webhook')]).toEqual([
      121, 4,
    ]);
    const handled: string[] = [];
    consume(other, async ({ job }) => void handled.push(job));
    await vi.waitFor(() => expect(handled).toHaveLength(121), PATIENCE);
    await vi.waitFor(async () => expect(await adding.waiting('deliver-webhook')).toBe(0), PATIENCE);
  });

  test('a re-fed bundle that shares an entry with one in the queue is not ignored', async () => {
    const transport = opened(256);
    const [shared, first, second] = newEntries(3);
    if (shared === undefined || first === undefined || second === undefined) throw new Error('no entries');
    await transport.add('deliver-webhook', [shared, first]);
    await transport.add('deliver-webhook', [shared, second]);
    const handled: string[] = [];
    consume(transport, async ({ job }) => void handled.push(job));
    await vi.waitFor(() => expect(handled).toHaveLength(4), PATIENCE);
    expect(handled.sort()).toEqual(jobsOf([shared, shared, first, second]));
  });

  test('a hundred and twenty entries take three BullMQ jobs and are all under work at once', async () => {
    const transport = opened(256);
    const entries = newEntries(120);
    await transport.add('deliver-webhook', entries);
    const work = Promise.withResolvers<void>();
    const begun: string[] = [];
    const consumer = consume(transport, async ({ job, onClaimed }) => {
      begun.push(job);
      onClaimed?.();
      await work.promise;
    });
    // Nothing ends, and still all three have been taken: a bundle is over when its entries are claimed.
    await vi.waitFor(() => expect(begun).toHaveLength(120), PATIENCE);
    expect(begun.sort()).toEqual(jobsOf(entries));
    await vi.waitFor(async () => expect(await waiting(transport)).toBeNull(), PATIENCE);

    let closed = false;
    const closing = consumer.close(10_000).then(() => {
      closed = true;
    });
    await waiting(transport);
    expect(closed).toBe(false);
    work.resolve();
    await closing;
  });

  test('a process works on no more entries than it has places, and takes no bundle without one', async () => {
    const transport = opened(4);
    const entries = newEntries(12, 5_000);
    await transport.add('deliver-webhook', entries);
    let underWork = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const ended: string[] = [];
    consume(transport, async ({ job, onClaimed }) => {
      underWork += 1;
      most = Math.max(most, underWork);
      onClaimed?.();
      await new Promise<void>((resolve) => ends.push(resolve));
      underWork -= 1;
      ended.push(job);
    });
    await vi.waitFor(() => expect(underWork).toBe(4), PATIENCE);
    expect(await waiting(transport)).toBe(5_000);
    await vi.waitFor(() => {
      for (const end of ends.splice(0)) end();
      expect(ended).toHaveLength(12);
    }, PATIENCE);
    expect(most).toBe(4);
  });

  test('a queue that a dashboard has paused holds what it has, shows it as waiting, and gives it once it goes on', async () => {
    const transport = opened(256);
    const entries = newEntries(3, 1_000);
    const connection =
      redis === undefined
        ? { connectionString: database.appUrl }
        : { host: '127.0.0.1', port: Number(new URL(redis.url).port) };
    const dashboard =
      redis === undefined
        ? new (withBackend(createPostgresBackend).Queue)('deliver-webhook', { connection })
        : new Queue('deliver-webhook', { connection, prefix: PREFIX });
    releases.push(() => dashboard.close());
    await transport.add('deliver-webhook', entries);
    await dashboard.pause();
    const handled: string[] = [];
    consume(transport, async ({ job }) => void handled.push(job));
    const later = newEntries(2, 2_000);
    await transport.add('deliver-webhook', later);
    // The sweeper takes back only what was queued before this: nothing is fed twice, however long the pause is.
    expect(await waiting(transport)).toBe(1_000);
    expect(handled).toEqual([]);
    await dashboard.resume();
    await vi.waitFor(() => expect(handled.sort()).toEqual(jobsOf([...entries, ...later])), PATIENCE);
  });

  if (backend === 'Redis') {
    test('what an older dashboard has put aside is fed once more, and then waits', async () => {
      const transport = opened(256);
      const entries = newEntries(3, 1_000);
      await transport.add('deliver-webhook', entries);
      const client = new Redis(redis?.url ?? '');
      releases.push(async () => client.disconnect());
      // Up to BullMQ 5 `pause` renames the list (https://docs.bullmq.io/guide/workers/pausing-queues). A worker of version 6 never reads it, and
      // a resume returns 7,000 of it at most: what is in it counts as lost, so that nothing can be stuck there.
      await client.rename(`${PREFIX}:deliver-webhook:wait`, `${PREFIX}:deliver-webhook:paused`);
      await client.hset(`${PREFIX}:deliver-webhook:meta`, 'paused', 1);
      expect(await waiting(transport)).toBeNull();
      await transport.add('deliver-webhook', entries);
      expect(await waiting(transport)).toBe(1_000);
    });
  }

  test('the time of what has waited longest is the time at which it was queued', async () => {
    const transport = opened(256);
    expect(await waiting(transport)).toBeNull();
    await transport.add('deliver-webhook', [...newEntries(1, 2_000), ...newEntries(1, 1_000.75)]);
    await transport.add('deliver-webhook', newEntries(60, 3_000));
    const since = await Promise.all(QUEUE_NAMES.map((name) => transport.waitingSince(name)));
    expect(since).toEqual([null, 1_000, null]);
  });

  test('a time with microseconds, as the feed gives it, is rounded down, in one bundle and in several', async () => {
    const transport = opened(1);
    await transport.add('deliver-webhook', newEntries(1, 1_700_000_000_000.789));
    await transport.add('deliver-webhook', newEntries(120, 1_700_000_000_001.789));
    expect(await waiting(transport)).toBe(1_700_000_000_000);
  });

  test('while bundles wait, a bundle that is taken as the queue is asked does not make it look empty', async () => {
    const transport = opened(4);
    await transport.add('deliver-webhook', newEntries(3_000, 1_000));
    let handled = 0;
    consume(transport, async ({ onClaimed }) => {
      onClaimed?.();
      handled += 1;
    });
    const answers: (number | null)[] = [];
    while (handled < 2_900) {
      const answer = await waiting(transport);
      if (handled < 2_900) answers.push(answer);
    }
    expect(answers.length).toBeGreaterThan(20);
    expect(answers).not.toContain(null);
  });

  test('entries that wait for a place when the process stops are taken by another one, with their age', async () => {
    const transport = opened(8);
    // As a process with more places packs it.
    const entries = newEntries(6, 4_000);
    await opened(256).add('deliver-webhook', entries);
    const work = Promise.withResolvers<void>();
    const small = opened(2);
    const handled: string[] = [];
    const consumer = consume(small, async ({ job, onClaimed }) => {
      onClaimed?.();
      handled.push(job);
      await work.promise;
    });
    await vi.waitFor(() => expect(handled).toHaveLength(2), PATIENCE);
    const closing = consumer.close(10_000);
    await vi.waitFor(async () => expect(await waiting(transport)).toBe(4_000), PATIENCE);
    work.resolve();
    await closing;
    consume(transport, async ({ job }) => void handled.push(job));
    await vi.waitFor(() => expect(handled.sort()).toEqual(jobsOf(entries)), PATIENCE);
  });

  test('an entry that an earlier version queued is handled', async () => {
    const transport = opened(256);
    const [entry] = newEntries(1);
    if (entry === undefined) throw new Error('no entry');
    if (redis === undefined) await transport.add('deliver-webhook', [entry]);
    else {
      const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
      const older = new Queue('deliver-webhook', { connection, prefix: PREFIX });
      await older.addBulk([
        { name: 'deliver-webhook', data: entry, opts: { attempts: 1, jobId: `${entry.job}-0` } },
        { name: 'deliver-webhook', data: 'no entry', opts: { attempts: 1, jobId: `${entry.job}-x` } },
      ]);
      await older.close();
      connection.disconnect();
    }
    const handled: unknown[] = [];
    consume(transport, async ({ job, fence }) => void handled.push({ job, fence }));
    await vi.waitFor(() => expect(handled).toEqual([entry]), PATIENCE);
    await vi.waitFor(async () => expect(await waiting(transport)).toBeNull(), PATIENCE);
  });
});
