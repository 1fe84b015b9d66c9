import { setTimeout as wait } from 'node:timers/promises';
import type { AppProcess } from '@emr-payments/stack';
import type { Violation } from './rules.ts';
import type { Service } from './service.ts';

/** A process: how much work it has done since it was started, and which of its pools have no connection. */
type Work = { pid: number; done: number; emptyPools: readonly string[] };

const EVERY_MS = 250;

const DONE = {
  api: /^emr_payments_accepts_total\{outcome="accepted"\} (\d+)$/gm,
  worker: /^emr_payments_(?:postings|delivery_attempts)_total\{.*\} (\d+)$/gm,
};

/** The pools without which each works slowly. They are in use all the time, and keep a connection that has been idle for up to a minute. */
const POOLS = { api: ['accept'], worker: ['sets', 'turn'] };

const sum = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);

async function readWork(kind: 'api' | 'worker', { healthUrl, pid }: AppProcess): Promise<Work> {
  const answer = await fetch(`${healthUrl}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const text = await answer.text();
  const isEmpty = (pool: string): boolean =>
    sum(
      text,
      new RegExp(`^emr_payments_pool_connections\\{pool="${pool}",state="(?:idle|used)"\\} (\\d+)$`, 'gm'),
    ) === 0;
  return { pid, done: sum(text, DONE[kind]), emptyPools: POOLS[kind].filter(isEmpty) };
}

/**
 * Waits, after the faults and under load, until every API accepts payments and every worker ends jobs, each with connections in
 * its pools. Without them a process works on through another pool, slowly, and no record shows it.
 *
 * @returns a violation for each process that did not within `withinMs`.
 */
export async function allAtWork(
  { apis, workers }: Pick<Service, 'apis' | 'workers'>,
  withinMs: number,
): Promise<Violation[]> {
  const until = performance.now() + withinMs;
  const untilAtWork = async (kind: 'api' | 'worker', process: AppProcess): Promise<Violation[]> => {
    let first: Work | undefined;
    let last: Work | undefined;
    let failure: unknown;
    while (performance.now() < until) {
      try {
        last = await readWork(kind, process);
        // A process that was restarted counts from 0 again.
        if (first?.pid !== last.pid) first = last;
        if (last.done > first.done && last.emptyPools.length === 0) return [];
      } catch (error) {
        failure = error;
      }
      await wait(EVERY_MS);
    }
    const detail =
      first === undefined || last === undefined
        ? `it showed no metrics: ${failure}`
        : `${last.done - first.done} pieces of work in ${withinMs / 1000} s, pools without a connection: ${last.emptyPools.join(', ') || 'none'}`;
    return [{ rule: 'process does not work again', subject: process.name, detail }];
  };
  const all = [
    ...apis.map((api) => untilAtWork('api', api)),
    ...workers.map((worker) => untilAtWork('worker', worker)),
  ];
  return (await Promise.all(all)).flat();
}
