import type { Database, JobKind } from '@emr-payments/db';
import { databaseOfFile } from '@emr-payments/db/testing/database-of-file';
import {
  type LogFields,
  QUEUE_NAMES,
  type QueueEntry,
  type QueueName,
  type Transport,
} from '@emr-payments/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createWorkerMetrics } from '../metrics.ts';
import { type Relay, startRelay } from './relay.ts';

const PATIENCE = { timeout: 30_000 };

const openDatabase = databaseOfFile();
let database: Database;
let relay: Relay;
let queueIsDown: boolean;
/** The queue's answer to what is handed over. */
let taken: Promise<void>;
/** Entries that wait in each queue. */
let waiting: number;
let queued: { queue: QueueName; entry: QueueEntry }[];
let logged: string[];
/** How often the queue did not answer before each line of the log. */
let unanswered: number[];

beforeEach(async () => {
  const opened = await openDatabase();
  database = opened.database;
  await database.pool.query(`INSERT INTO lanes (id, kind, concurrency) VALUES (1, 'connection', 2000)`);
  queueIsDown = false;
  taken = Promise.resolve();
  queued = [];
  waiting = 0;
  logged = [];
  unanswered = [];
  let pings = 0;
  const log = (_fields: LogFields, message: string) => {
    logged.push(message);
    unanswered.push(pings);
  };
  const transport: Pick<Transport, 'groups' | 'ping' | 'add' | 'waiting'> = {
    waiting: async () => waiting,
    groups: [QUEUE_NAMES],
    async ping() {
      if (!queueIsDown) return;
      pings += 1;
      throw new Error('the queue is down');
    },
    async add(queue, entries) {
      queued.push(...entries.map((entry) => ({ queue, entry })));
      await taken;
    },
  };
  relay = startRelay(
    {
      database,
      transport,
      logger: { debug: log, info: log, warn: log, error: log },
      metrics: createWorkerMetrics({ database }),
    },
    { databaseUrl: opened.appUrl },
  );
});

afterEach(async () => {
  await relay.close();
});

const addJobs = (kind: JobKind, count: number) =>
  database.pool.query(
    `INSERT INTO jobs (kind, lane_id) SELECT '${kind}', 1 FROM generate_series(1, ${count})`,
  );

/** Writes deliveries to twenty endpoints. */
async function addDeliveries(count: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO lanes (id, kind, concurrency) SELECT n, 'endpoint', 64 FROM generate_series(2, 21) n ON CONFLICT DO NOTHING`,
  );
  await database.pool.query(
    `INSERT INTO jobs (kind, lane_id) SELECT 'deliver_webhook', 2 + n % 20 FROM generate_series(1, ${count}) n`,
  );
  relay.wake();
}

const of = (name: QueueName) => queued.filter(({ queue }) => queue === name);

test('every due job goes to the queue of its kind once, in as many batches as it takes', async () => {
  await addJobs('post_payment', 1_200);
  await addJobs('deliver_webhook', 3);
  relay.wake();
  await vi.waitFor(() => expect(queued).toHaveLength(1_203), PATIENCE);
  expect(queued.filter(({ queue }) => queue === 'post-payment')).toHaveLength(1_200);
  expect(new Set(queued.map(({ entry }) => entry.job)).size).toBe(1_203);
});

test('while the queue is down no job is marked, and each change is logged once', async () => {
  queueIsDown = true;
  relay.wake();
  await vi.waitFor(() => expect(logged).toHaveLength(1), PATIENCE);
  await addJobs('post_payment', 1);
  relay.wake();
  relay.wake();
  const { rows } = await database.pool.query('SELECT queued_at FROM jobs');
  expect(rows).toEqual([{ queued_at: null }]);

  queueIsDown = false;
  await vi.waitFor(() => expect(queued).toHaveLength(1), PATIENCE);
  await relay.close();
  expect(logged).toEqual([
    'the relay cannot feed the queue, and keeps trying',
    'the relay feeds the queue again',
  ]);
});

test('a queue with enough to do gets no more until it has room, and the other queues are fed meanwhile', async () => {
  waiting = 64;
  await addJobs('post_payment', 1_000);
  relay.wake();
  await vi.waitFor(() => expect(queued.length).toBeGreaterThanOrEqual(100), PATIENCE);
  expect(relay.handOver.isOpen()).toBe(true);
  await addDeliveries(3);
  await vi.waitFor(() => expect(of('deliver-webhook')).toHaveLength(3), PATIENCE);
  const before = of('post-payment').length;
  // The queue is asked after a feed; the next feed may have begun by then.
  expect(before).toBeLessThanOrEqual(300);
  relay.wake();
  await addDeliveries(1);
  await vi.waitFor(() => expect(of('deliver-webhook')).toHaveLength(4), PATIENCE);
  expect(of('post-payment')).toHaveLength(before);
  waiting = 63;
  await vi.waitFor(() => expect(of('post-payment')).toHaveLength(1_000), PATIENCE);
});

test('settlements feed nothing into a queue with enough to do', async () => {
  waiting = 64;
  await addDeliveries(100);
  await vi.waitFor(() => expect(of('deliver-webhook')).toHaveLength(100), PATIENCE);
  await vi.waitFor(() => expect(relay.handOver.isOpen()).toBe(false), PATIENCE);
  waiting = 0;
  await vi.waitFor(() => expect(relay.handOver.isOpen()).toBe(true), PATIENCE);
});

test('settlements feed nothing more once what one of them fed could not be handed over, until the queue is up again', async () => {
  const job = { id: '7', kind: 'deliver_webhook', fence: 0, queuedAt: 1 } as const;
  // A feed that has just ended: the next one begins half a second later.
  await addJobs('post_payment', 1);
  relay.wake();
  await vi.waitFor(() => expect(queued).toHaveLength(1), PATIENCE);
  expect(relay.handOver.isOpen()).toBe(true);
  queueIsDown = true;
  const refusal = Promise.withResolvers<void>();
  taken = refusal.promise;
  relay.handOver.take([job], 0);
  refusal.reject(new Error('the queue is down'));
  await vi.waitFor(
    () => expect(logged).toEqual(['the relay cannot feed the queue, and keeps trying']),
    PATIENCE,
  );
  // It is known from what was not taken, before the next feed asks.
  expect(unanswered).toEqual([0]);
  expect(relay.handOver.isOpen()).toBe(false);
  queueIsDown = false;
  taken = Promise.resolve();
  relay.wake();
  await vi.waitFor(() => expect(relay.handOver.isOpen()).toBe(true), PATIENCE);
});

test('a relay that is closed waits until what was fed is handed over', async () => {
  const job = { id: '7', kind: 'deliver_webhook', fence: 0, queuedAt: 1 } as const;
  const answer = Promise.withResolvers<void>();
  taken = answer.promise;
  relay.handOver.take([job], 0);
  let isClosed = false;
  const closing = relay.close().then(() => {
    isClosed = true;
  });
  // Everything else of it has ended when its listener has.
  const listening = () =>
    database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%'`,
    );
  await vi.waitFor(async () => expect((await listening()).rowCount).toBe(0), PATIENCE);
  await listening();
  expect(isClosed).toBe(false);
  answer.resolve();
  await closing;
});

test('jobs that a settlement has fed are handed over, and then the turn is left to the feeds for four times as long', async () => {
  const job = { id: '7', kind: 'deliver_webhook', fence: 0, queuedAt: 1 } as const;
  // Nothing has been written to the queue: it is not known to be up.
  expect(relay.handOver.isOpen()).toBe(false);
  relay.wake();
  await vi.waitFor(() => expect(relay.handOver.isOpen()).toBe(true), PATIENCE);
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    relay.handOver.take([job], 100);
    expect(queued).toEqual([{ queue: 'deliver-webhook', entry: { job: '7', fence: 0, queuedAt: 1 } }]);
    vi.advanceTimersByTime(399);
    expect(relay.handOver.isOpen()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(relay.handOver.isOpen()).toBe(true);
  } finally {
    vi.useRealTimers();
  }
  await relay.close();
  expect(relay.handOver.isOpen()).toBe(false);
});
