import { setTimeout as pause } from 'node:timers/promises';
import { within } from './within.ts';

type Closable = { close(force?: boolean): Promise<unknown>; waitUntilReady(): Promise<unknown> };
export type OpenedWorker = Closable & { run(): Promise<unknown> };

const AGAIN_AFTER_MS = 500;

/*
 * BullMQ 6.7 never repeats its first look at the server: a queue or worker that was created while PostgreSQL was away or starting up,
 * or whose user may not run INFO on Redis, never works. Such a worker also spins without ever giving the event loop a turn. So each
 * one is closed and created again until one has become ready; from then on it survives outages by itself.
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

/** Longest wait of a call for the queue to become ready: a server that is frozen takes the connection and then says nothing. */
const READY_MS = 3_000;

/** Longest wait of a close for a queue that is being opened. */
const CLOSE_MS = 1_000;

/** Opens a queue at its first use. `use` rejects while it cannot be reached; the next call tries again. */
export function queueUntilReady<Queue extends Closable>(
  make: () => Queue,
): { use<Result>(work: (queue: Queue) => Promise<Result>): Promise<Result>; close(): Promise<void> } {
  let opening: Promise<Queue> | undefined;

  function opened(): Promise<Queue> {
    if (opening !== undefined) return opening;
    const next = readyOrClosed(make());
    opening = next;
    next.catch(() => {
      if (opening === next) opening = undefined;
    });
    return next;
  }

  return {
    use: async (work) => work(await within(READY_MS, opened())),
    async close() {
      // While no server is found, as with sentinels that know no master, it is opened without an end.
      const queue = opening && (await within(CLOSE_MS, opening).catch(() => undefined));
      await queue?.close();
    },
  };
}

/**
 * Starts a worker as soon as its queue can be reached.
 *
 * @param make must create it with `autorun: false`.
 */
export function workerUntilReady(
  make: () => OpenedWorker,
  onError: (error: Error) => void,
): { close(): Promise<void> } {
  const stopped = new AbortController();

  // Redis is waited for without an end, which must not hold up the stop.
  const stop = new Promise<undefined>((resolve) =>
    stopped.signal.addEventListener('abort', () => resolve(undefined)),
  );

  async function open(): Promise<OpenedWorker | undefined> {
    while (!stopped.signal.aborted) {
      try {
        const worker = await Promise.race([readyOrClosed(make()), stop]);
        if (worker === undefined) return undefined;
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
    async close() {
      stopped.abort();
      const worker = await opening;
      await worker?.close();
    },
  };
}
