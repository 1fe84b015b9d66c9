import { setTimeout as pause } from 'node:timers/promises';
import { type Database, PRUNE_BATCH, type Prunable, pruneBatch } from '@emr-payments/db';
import type { Logger } from '@emr-payments/runtime';

/** Promised in the API's documentation: a key is remembered for seven days. */
const IDEMPOTENCY_KEY_DAYS = 7;

const FIRST_AFTER_MS = 60_000;
const EVERY_MS = 10 * 60_000;

/** Between two batches: pruning is never in a hurry, the accept path is. */
const PAUSE_MS = 200;

export type RetentionOptions = {
  /** Days for which an event is kept with its deliveries. */
  eventDays: number;
  firstAfterMs?: number;
  everyMs?: number;
  pauseMs?: number;
};

/**
 * Removes what has been kept long enough, in small batches, one process at a time (by a lock in Postgres). It has its
 * own timer: what it does needs no queue.
 */
export function startRetention(
  { database, logger }: { database: Pick<Database, 'pool'>; logger: Logger },
  { eventDays, firstAfterMs = FIRST_AFTER_MS, everyMs = EVERY_MS, pauseMs = PAUSE_MS }: RetentionOptions,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const { signal } = closing;

  async function prune(what: Prunable, days: number): Promise<void> {
    let total = 0;
    for (let gone = PRUNE_BATCH; gone === PRUNE_BATCH && !signal.aborted; ) {
      gone = await pruneBatch({ database }, { what, days });
      total += gone;
      if (gone === PRUNE_BATCH) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    if (total > 0) logger.info({ count: total, code: what }, 'pruned');
  }

  async function run(): Promise<void> {
    for (let wait = firstAfterMs; ; wait = everyMs) {
      await pause(wait, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await prune('events', eventDays);
        await prune('recoveries', eventDays);
        await prune('idempotency_keys', IDEMPOTENCY_KEY_DAYS);
      } catch (error) {
        logger.warn({ err: error }, 'could not prune');
      }
    }
  }

  const running = run();
  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}
