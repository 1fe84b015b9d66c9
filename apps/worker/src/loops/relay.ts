import { setTimeout as pause } from 'node:timers/promises';
import {
  createFeed,
  type Database,
  type DueJob,
  type HandOver,
  JOB_KINDS,
  listenForJobs,
} from '@emr-payments/db';
import { every, type Logger, type Transport } from '@emr-payments/runtime';
import type { WorkerMetrics } from '../metrics.ts';
import { watchCrowd } from './queue-crowd.ts';
import { openQueueGroup } from './queue-group.ts';

const rest = (ms: number, stopping: AbortSignal) =>
  pause(ms, undefined, { signal: stopping }).catch(() => undefined);

export type Relay = {
  /** Jobs may be due: new ones were written, or a lane has room again. Cheap while the relay is running. */
  wake(): void;
  /** Hands jobs to the queue that others have marked as queued in its place. */
  readonly handOver: HandOver;
  close(): Promise<void>;
};

/** Jobs of one feed. They wait in the queue in the order in which they were fed: more of them, and later ones wait behind them. */
const BATCH = 100;

/** A feed that takes longer reads thousands of lanes, or the server is busy: the next one begins as much later, so that the server does other work as well. */
const SLOW_FEED_MS = 20;
const MOST_REST_MS = 500;

/** Finds retries that have come due, and jobs whose notification was missed. */
const POLL_MS = 500;

/**
 * A settlement that feeds has the turn of all feeds until its commit is on disk. After each, this process leaves the turn to others for so
 * many times as long: a slow disk makes fewer such settlements, and not later feeds.
 */
const REST_OF_TURN = 4;

/**
 * Moves due jobs from Postgres to BullMQ, in bulk. A job is marked as queued first and handed over second: if this process
 * dies between the two, the sweeper finds the job unclaimed. Jobs of a queue that is down stay unmarked, because the sweeper would
 * only have to take them back; the other queues are fed.
 */
export function startRelay(
  {
    database,
    transport,
    logger,
    metrics,
  }: {
    database: Pick<Database, 'inTurn' | 'pool'>;
    transport: Pick<Transport, 'groups' | 'ping' | 'add' | 'waiting'>;
    logger: Logger;
    metrics: Pick<WorkerMetrics, 'succeeded'>;
  },
  { databaseUrl }: { databaseUrl: string },
): Relay {
  const take = createFeed({ database }, { onEarlier: () => loop.wake() });
  const groups = transport.groups.map((queues) =>
    openQueueGroup({ transport, logger, onUp: () => loop.wake() }, queues),
  );
  const crowd = watchCrowd({ transport, onRoom: () => loop.wake() });
  let failing = false;

  /** Hands jobs to their queues, and counts them. */
  async function hand(jobs: readonly DueJob[]): Promise<void> {
    await Promise.all(groups.map((group) => group.hand(jobs)));
    crowd.handed(jobs);
  }

  async function feed(stopping: AbortSignal): Promise<void> {
    await Promise.all(groups.map((group) => group.look()));
    const up = groups.filter((group) => group.isUp());
    let fed = 0;
    let took = 0;
    if (up.length > 0) {
      const kinds = JOB_KINDS.filter((kind) => !crowd.isCrowded(kind) && up.some((group) => group.has(kind)));
      const begunAt = performance.now();
      const due = kinds.length > 0 ? await take(BATCH, kinds) : [];
      took = performance.now() - begunAt;
      await hand(due);
      fed = up.filter((group) => group.fed()).length;
      if (due.length >= BATCH) loop.wake();
    }
    if (failing) logger.info({}, 'the relay reads the due jobs again');
    failing = false;
    if (fed === groups.length) metrics.succeeded('relay');
    if (took > SLOW_FEED_MS) await rest(Math.min(took, MOST_REST_MS), stopping);
  }

  function onError(err: unknown, isNews: boolean): void {
    if (isNews) logger.warn({ err }, 'the relay cannot read the due jobs, and keeps trying');
    failing = true;
  }

  const handing = new Set<Promise<void>>();
  let closed = false;
  let restsUntil = Number.NEGATIVE_INFINITY;
  const handOver: HandOver = {
    isOpen() {
      // A settlement feeds the deliveries of its event, and nothing else.
      const ofDeliveries = groups.find((group) => group.has('deliver_webhook'));
      const isUp = !failing && ofDeliveries?.isUp() === true && !crowd.isCrowded('deliver_webhook');
      return !closed && isUp && performance.now() >= restsUntil;
    },
    take(jobs, ms) {
      restsUntil = performance.now() + ms * REST_OF_TURN;
      const work = hand(jobs).finally(() => handing.delete(work));
      handing.add(work);
    },
  };

  const loop = every({ run: feed, onError }, { intervalMs: POLL_MS });
  const listener = listenForJobs({ url: databaseUrl, onJobs: loop.wake });

  return {
    wake: loop.wake,
    handOver,
    async close() {
      closed = true;
      crowd.close();
      await Promise.all([loop.stop(), listener.close(), ...handing]);
    },
  };
}
