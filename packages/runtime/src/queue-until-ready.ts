import { setTimeout as pause } from 'node:timers/promises';

type Closable = { close(force?: boolean): Promise<unknown>; waitUntilReady(): Promise<unknown> };
export type OpenedQueue<Entry> = Closable & { addBulk(entries: Entry[]): Promise<unknown> };
export type OpenedWorker = Closable & { run(): Promise<unknown> };

const AGAIN_AFTER_MS = 500;

/*
 * BullMQ 6.7 keeps the outcome of its first look at PostgreSQL for good: a queue or worker that was made while the server
 * was away or starting up never works again, and such a worker spins without ever giving the event loop a turn. So each
 * is thrown away and made anew until one has been seen ready; from then on it gets over outages by itself.
 */

async function readyOrClosed<T extends Closable>(made: T): Promise<T> {
  try {
    await made.waitUntilReady();
    return made;
  } catch (error) {
    await made.close(true).catch(() => undefined);
    throw error;
  }
}

/** A queue that is opened with the first entries. @throws (from `addBulk`) while it cannot be reached; the next call tries anew. */
export function queueUntilReady<Entry>(make: () => OpenedQueue<Entry>): {
  addBulk(entries: Entry[]): Promise<unknown>;
  close(): Promise<void>;
} {
  let opening: Promise<OpenedQueue<Entry>> | undefined;

  function opened(): Promise<OpenedQueue<Entry>> {
    if (opening !== undefined) return opening;
    const next = readyOrClosed(make());
    opening = next;
    next.catch(() => {
      if (opening === next) opening = undefined;
    });
    return next;
  }

  return {
    addBulk: async (entries) => (await opened()).addBulk(entries),
    async close() {
      const queue = await opening?.catch(() => undefined);
      await queue?.close();
    },
  };
}

/**
 * A worker that begins when its queue can be reached.
 *
 * @param make must make it with `autorun: false`.
 */
export function workerUntilReady(
  make: () => OpenedWorker,
  onError: (error: Error) => void,
): { close(force?: boolean): Promise<void> } {
  const stopped = new AbortController();

  async function open(): Promise<OpenedWorker | undefined> {
    while (!stopped.signal.aborted) {
      try {
        const worker = await readyOrClosed(make());
        worker.run().catch(onError);
        return worker;
      } catch (error) {
        onError(error as Error);
        await pause(AGAIN_AFTER_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
      }
    }
    return undefined;
  }

  const opening = open();
  return {
    async close(force) {
      stopped.abort();
      const worker = await opening;
      await worker?.close(force);
    },
  };
}
