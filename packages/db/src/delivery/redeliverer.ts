import { createBatcher, type Shares } from '@emr-payments/runtime';
import { createNudge } from '../accept/nudge.ts';
import type { Database } from '../core/database.ts';
import { isUndone, type StatementDeps } from '../core/statements.ts';
import { type OnceOutcome, once } from '../idempotency/once.ts';
import { onceTogether, type TogetherInput } from '../idempotency/once-together.ts';
import {
  type RedeliverInput,
  type RedeliverOutcome,
  redeliverEvent,
  redeliverEvents,
} from './redeliver-event.ts';

/** A client's request for a redelivery, with its Idempotency-Key, if it has one. */
export type RedeliverRequest = RedeliverInput & { clientPk: number } & TogetherInput<RedeliverOutcome>;

export type Redeliverer = {
  /**
   * Redelivers one event, durably: it has been committed when this resolves.
   *
   * @throws DatabaseUnavailableError when PostgreSQL cannot be reached or is late.
   */
  redeliver(request: RedeliverRequest): Promise<OnceOutcome<RedeliverOutcome>>;
};

export type RedelivererDeps = {
  /** Its statements are planned once, and do not wait long for a lock. */
  together: Pick<Database, 'pool'>;
  /** For a request that has to wait for a lock, and for notifying the relays. */
  alone: Pick<Database, 'pool'>;
  /** The clients' places on `alone`. */
  writes: Shares;
};

/** Requests in one set, and events of one entry of the audit log. */
const MOST_REQUESTS = 100;

type Waiting = PromiseWithResolvers<OnceOutcome<RedeliverOutcome>> & { request: RedeliverRequest };

const workOf = async (
  deps: StatementDeps,
  requests: readonly RedeliverRequest[],
): Promise<RedeliverOutcome[]> => {
  const [only, ...more] = requests;
  if (only !== undefined && more.length === 0) return [await redeliverEvent(deps, only)];
  return redeliverEvents(deps, requests);
};

/**
 * Group commit for redeliveries: requests that come while a set is under way form the next one, which is one statement, one commit and one
 * entry of the audit log. A lone request waits for no other. The relays are notified after the commit.
 *
 * Each request has the outcome that it would have by itself: when the server undoes a set, because of one of its requests or because a
 * lock was not to be had at once, each of them is done by itself. So no client's request waits for another client's lock.
 *
 * @param options.maxInFlight sets at once.
 */
export function createRedeliverer(
  { together, alone, writes }: RedelivererDeps,
  { maxInFlight = 2 }: { maxInFlight?: number } = {},
): Redeliverer {
  const nudge = createNudge({ database: alone });

  function runAlone({ request, resolve, reject }: Waiting): Promise<void> {
    const { request: key, remember } = request;
    const change = { request: key, remember, work: (tx: StatementDeps) => redeliverEvent(tx, request) };
    return writes.run(request.clientPk, () => once({ database: alone }, change)).then(resolve, reject);
  }

  async function run(batch: readonly Waiting[]): Promise<void> {
    const others: Waiting[] = [];
    try {
      const requests = batch.map(({ request }) => request);
      const outcomes = await onceTogether({ database: together }, requests, workOf);
      if (batch.length > 1) nudge.after();
      batch.forEach((waiting, index) => {
        const outcome = outcomes[index] ?? null;
        if (outcome === null) others.push(waiting);
        else waiting.resolve(outcome);
      });
    } catch (error) {
      if (isUndone(error)) others.push(...batch);
      else for (const { reject } of batch) reject(error);
    }
    // Not awaited: the next set does not wait for a lock either.
    for (const waiting of others) void runAlone(waiting);
  }

  const batcher = createBatcher<Waiting>({ run }, { maxBatch: MOST_REQUESTS, maxInFlight });

  return {
    redeliver(request) {
      const waiting = { ...Promise.withResolvers<OnceOutcome<RedeliverOutcome>>(), request };
      batcher.add(waiting);
      return waiting.promise;
    },
  };
}
