import { setTimeout as pause } from 'node:timers/promises';
import {
  dropEventPartitions,
  PRUNE_BATCH,
  type Prunable,
  pruneBatch,
  type ServiceDatabase,
} from '@emr-payments/db';
import { pruneTokens } from '@emr-payments/operations/serving';
import { every, type Keyring, type Logger } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';

/** The API's documentation promises that a key is remembered for seven days. */
const IDEMPOTENCY_KEY_DAYS = 7;

/** A credential that has ended is kept for so long: the audit log names its owner when somebody tries it. */
const CREDENTIAL_DAYS = 90;

/** A limit of requests that no connection has is kept for so long: what an operator has set holds for one that is connected again. */
const UNUSED_LIMIT_DAYS = 30;

/** Days for which rows of each kind are kept, in the order in which they are removed. */
const keptDays = (eventDays: number): Record<Prunable, number> => ({
  events: eventDays,
  recoveries: eventDays,
  emr_texts: eventDays,
  sync_runs: eventDays,
  sync_seen: 0,
  patient_lookups: 0,
  idempotency_keys: IDEMPOTENCY_KEY_DAYS,
  held_logins: 0,
  connect_sessions: eventDays,
  ended_secrets: 0,
  client_secrets: CREDENTIAL_DAYS,
  access_tokens: CREDENTIAL_DAYS,
  operator_key_secrets: CREDENTIAL_DAYS,
  deleted_endpoints: eventDays,
  unused_limits: UNUSED_LIMIT_DAYS,
});

/** After this time without a renewal, tokens that no connection uses are removed. */
const TOKEN_DAYS = 90;

const FIRST_AFTER_MS = 60_000;
const INTERVAL_MS = 10 * 60_000;

/** Between two batches: pruning is never urgent, and accepting payments is. */
const PAUSE_MS = 200;

export type RetentionOptions = {
  /** Days for which an event is kept with its deliveries. */
  eventDays: number;
  firstAfterMs?: number;
  intervalMs?: number;
  pauseMs?: number;
};

/**
 * Removes what is past its retention time: events with their deliveries by partition, everything else in small batches of rows. A lock
 * in Postgres lets one process prune at a time. A kind of rows that cannot be removed keeps no other from being removed.
 */
export function startRetention(
  {
    database,
    keyring,
    logger,
    metrics,
  }: {
    database: ServiceDatabase;
    keyring: Keyring;
    logger: Logger;
    metrics: Pick<WorkerMetrics, 'partitionFailure'>;
  },
  {
    eventDays,
    firstAfterMs = FIRST_AFTER_MS,
    intervalMs = INTERVAL_MS,
    pauseMs = PAUSE_MS,
  }: RetentionOptions,
): { close(): Promise<void> } {
  async function prune({ what, days }: { what: Prunable; days: number }, signal: AbortSignal): Promise<void> {
    let total = 0;
    for (let removed = PRUNE_BATCH; removed === PRUNE_BATCH && !signal.aborted; ) {
      removed = await pruneBatch({ database }, { what, days });
      total += removed;
      if (removed === PRUNE_BATCH) await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    if (total > 0) logger.info({ count: total, code: what }, 'pruned');
  }

  /** A failure keeps nothing else from being pruned: the next round tries it again. */
  async function dropEvents(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const dropped = await dropEventPartitions({ database }, { days: eventDays });
        if (dropped.length === 0) return;
        for (const code of dropped) logger.info({ code }, 'dropped a partition');
        await pause(pauseMs, undefined, { signal }).catch(() => undefined);
      }
    } catch (err) {
      metrics.partitionFailure({ what: 'drop' });
      logger.warn({ err }, 'could not drop partitions');
    }
  }

  async function pruneUnused(): Promise<void> {
    const tokens = await pruneTokens({ database, keyring }, { days: TOKEN_DAYS });
    if (tokens > 0) logger.info({ count: tokens, code: 'emr_tokens' }, 'pruned');
  }

  async function pruneAll(signal: AbortSignal): Promise<void> {
    await dropEvents(signal);
    const failed = (code: string) => (err: unknown) => logger.warn({ err, code }, 'could not prune');
    for (const [what, days] of Object.entries(keptDays(eventDays)) as [Prunable, number][]) {
      if (signal.aborted) return;
      await prune({ what, days }, signal).catch(failed(what));
    }
    if (!signal.aborted) await pruneUnused().catch(failed('emr_tokens'));
  }

  const loop = every(
    { run: pruneAll, onError: (err) => logger.warn({ err }, 'could not prune') },
    { firstAfterMs, intervalMs },
  );
  return { close: loop.stop };
}
