import { randomUUID } from 'node:crypto';
import type { Logger } from './logger.ts';
import type { SilenceWatch } from './postgres-silence.ts';
import type { LazyQueue, Marks, NewBundle, QueueName } from './queue-backend.ts';
import { bundleSize, type DueEntry, packBundles, toBundle } from './queue-bundles.ts';
import { postgresBackend } from './queue-on-postgres.ts';
import { redisBackend } from './queue-on-redis.ts';
import { type EntryHandler, openTakers, type Place } from './queue-takers.ts';
import type { QueueTrouble } from './queue-trouble.ts';
import { LateError, within } from './within.ts';

/** How many entries of each queue a process works on at once. */
export type QueueConcurrency = Readonly<Record<QueueName, number>>;

export type QueueConsumer = {
  /** Takes a place from the entries of the queue, for work that does not come through it; null when none is free, or it is being closed. */
  takePlace(): Place | null;
  /** Takes no new entry, and waits at most `withinMs` until those under work have ended. */
  close(withinMs: number): Promise<void>;
};

/**
 * Carries entries from the relay to the handlers, in bundles: a BullMQ job has up to 50 of them. It may lose all of them at any
 * moment, and may hand one out twice: PostgreSQL is the truth, and the fence makes a second hand-over harmless.
 */
export type Transport = {
  readonly backend: 'redis' | 'postgres';
  /** The queues by the server that carries them: those of a group are up and down together. */
  readonly groups: readonly (readonly [QueueName, ...QueueName[]])[];
  /**
   * Writes to the queue as an entry does, without a name to each of them. Rejects when that fails: `queueTroubleOf` names what the
   * error means.
   */
  ping(queue?: QueueName): Promise<void>;
  /** Names what is wrong with the queue, also what lets entries through for now; null when nothing is. */
  trouble(): Promise<QueueTrouble | null>;
  /** Adds entries, also those that are already in the queue. Rejects at once when the queue is down. */
  add(queue: QueueName, entries: readonly DueEntry[]): Promise<void>;
  /**
   * The `queuedAt` of the bundle that has waited longest; null when none waits. The queue is first in, first out: what was queued earlier is
   * no longer waiting in it.
   */
  waitingSince(queue: QueueName): Promise<number | null>;
  /** About how many entries wait in the queue: its bundles, as large as those that this process added last. Those beyond a hundred may not count. */
  waiting(queue: QueueName): Promise<number>;
  consume(queue: QueueName, handler: EntryHandler): QueueConsumer;
  /** Marks of the database that this queue remembers; null when it is in that database itself. */
  readonly marks: Marks | null;
  close(): Promise<void>;
};

const firstOf = <T>(all: readonly T[], count: number): T[] => all.filter((_, index) => index < count);

/** Enough for what a relay lets wait. */
const SIZES_KEPT = 32;

/** Places of a process that consumes nothing, such as the API. */
const NOTHING_CONSUMED: QueueConcurrency = { 'post-payment': 1, 'deliver-webhook': 1, 'sync-connection': 1 };

/**
 * Opens the queues on Redis when there is a URL for it, otherwise on PostgreSQL. No caller needs to know which.
 *
 * @param deps.watch shared with the other pools of this process on that PostgreSQL, where there are some.
 * @param urls.concurrency of this process; it also sizes the bundles, as if the other processes had the same.
 */
export function openTransport(
  { logger, watch }: { logger: Logger; watch?: SilenceWatch },
  {
    redisUrl,
    databaseUrl,
    concurrency = NOTHING_CONSUMED,
  }: { redisUrl?: string | undefined; databaseUrl: string; concurrency?: QueueConcurrency },
): Transport {
  const backend =
    redisUrl === undefined
      ? postgresBackend({ logger, watch }, { url: databaseUrl })
      : redisBackend(redisUrl, logger);
  const queues = new Map<QueueName, LazyQueue>();
  /** The sizes of the bundles that were added last, the newest first. */
  const added = new Map<QueueName, number[]>();

  const queueNamed = (name: QueueName): LazyQueue => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = backend.queue(name);
      queues.set(name, queue);
    }
    return queue;
  };

  /** BullMQ makes one attempt and keeps nothing: retries wait in the job row. */
  function newBundle(name: QueueName, entries: [DueEntry, ...DueEntry[]]): NewBundle {
    const queuedAt = Math.min(...entries.map((entry) => entry.queuedAt ?? Date.now()));
    return {
      name,
      data: toBundle(entries),
      opts: {
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
        // BullMQ ignores an id that it still has. No two bundles have the same, so none is ignored for what another one carries.
        jobId: randomUUID(),
        // PostgreSQL's clock has microseconds, BullMQ's column whole milliseconds. Rounded down, nothing that waits is taken back.
        timestamp: Math.floor(queuedAt),
      },
    };
  }

  async function add(name: QueueName, entries: readonly DueEntry[]): Promise<void> {
    const bundles = packBundles(entries, { size: bundleSize(concurrency[name]) }).map((packed) =>
      newBundle(name, packed),
    );
    const [only] = bundles;
    if (only === undefined) return;
    const sizes = bundles.map(({ data }) => 1 + (data.more?.length ?? 0));
    added.set(name, firstOf([...sizes, ...(added.get(name) ?? [])], SIZES_KEPT));
    try {
      await queueNamed(name).use<unknown>((queue) =>
        // For one job this is the cheaper call: on Redis without a transaction, on PostgreSQL without temporary tables.
        bundles.length === 1 ? queue.add(only.name, only.data, only.opts) : queue.addBulk(bundles),
      );
    } catch (error) {
      backend.onError(name)(error as Error);
      throw error;
    }
  }

  return {
    backend: backend.name,
    groups: backend.groups,
    ping: backend.ping,
    trouble: backend.trouble,
    marks: backend.marks,
    add,
    waitingSince: async (name) => backend.oldest(name, queueNamed(name)),
    async waiting(name) {
      const bundles = await backend.waiting(name, queueNamed(name));
      const sizes = firstOf(added.get(name) ?? [], bundles);
      const mean = sizes.length === 0 ? 1 : sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
      return Math.ceil(bundles * mean);
    },
    consume(name, handler) {
      const handBack = (entries: DueEntry[]) => add(name, entries);
      const takers = openTakers({ handler, handBack, logger }, { concurrency: concurrency[name] });
      const worker = backend.worker(name, takers.process, {
        concurrency: takers.count,
        // A bundle that a killed process had taken comes back when its lock expires, the sweeper finds its jobs at about the same
        // time. (What the process had claimed comes back by the job row's lease.) A lock that expires too early does no harm: the
        // second taker finds the jobs claimed.
        lockDuration: 6_000,
        stalledInterval: 3_000,
        maxStalledCount: 1_000_000,
        drainDelay: 1,
        runRetryDelay: 500,
      });
      return {
        takePlace: takers.takePlace,
        async close(withinMs) {
          takers.stop();
          try {
            await within(
              withinMs,
              worker.close().then(() => takers.idle()),
            );
          } catch (error) {
            // What has not ended is cut off. BullMQ cannot be hurried: a second `close` waits for the first, which a frozen Redis never answers.
            if (!(error instanceof LateError)) throw error;
          }
        },
      };
    },
    async close() {
      await Promise.allSettled([...queues.values()].map((queue) => queue.close()));
      await backend.close();
    },
  };
}
