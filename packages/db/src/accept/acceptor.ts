import { activeSpan, createBatcher, inSharedSpan, inSpan, type Span } from '@emr-payments/runtime';
import { DatabaseUnavailableError, isUnavailable, isUndone, type Statements } from '../core/statements.ts';
import { type AcceptOutcome, acceptBatch, type BatchOutcome } from './accept-batch.ts';
import type { AcceptInput } from './accept-payments.ts';
import { createNudge } from './nudge.ts';

export type Acceptor = {
  /**
   * Accepts one payment, durably: it has been committed when this resolves.
   *
   * @throws DatabaseUnavailableError when PostgreSQL cannot be reached or is late, or too many requests wait for it.
   */
  accept(input: AcceptInput): Promise<AcceptOutcome>;
};

type Waiting = {
  input: AcceptInput;
  /** Of this acceptance, where the request is traced. */
  span: Span | undefined;
  resolve(outcome: AcceptOutcome): void;
  reject(error: unknown): void;
};

/** More requests than this waiting for PostgreSQL is an outage: the next ones are refused at once. */
const MOST_WAITING = 10_000;

/** So many rows do not wait for the requests that the event loop is still reading. */
const ENOUGH = 20;

const SPAN = { name: 'accept', kind: 'internal' } as const;
const BATCH_SPAN = { name: 'accept batch', kind: 'internal' } as const;

/**
 * Group commit: requests that come while a batch is under way form the next one, so that many share one round trip and
 * one fsync. A lone request waits for no other. The relays are notified after each commit, without delaying the answers, and in the commit of
 * a lone request.
 *
 * @param deps.onBatch called with the number of rows of each statement.
 * @param options.maxBatch rows in one statement.
 * @param options.maxInFlight statements at once: the second is built while the first is being committed.
 */
export function createAcceptor(
  { database, onBatch }: { database: Statements; onBatch?: (rows: number) => void },
  { maxBatch = 200, maxInFlight = 2 }: { maxBatch?: number; maxInFlight?: number } = {},
): Acceptor {
  const nudge = createNudge({ database });

  /** One row that Postgres cannot take must not fail its neighbours: where nothing of them was done, each is run by itself and gets its own answer. */
  async function fail(entries: readonly Waiting[], { error, isAlone }: { error: unknown; isAlone: boolean }) {
    if (!isAlone && isUndone(error) && !isUnavailable(error))
      await Promise.all(entries.map((entry) => run([entry])));
    else for (const entry of entries) entry.reject(error);
  }

  async function run(batch: Waiting[]): Promise<void> {
    onBatch?.(batch.length);
    const isAlone = batch.length === 1;
    const notifies = isAlone && nudge.within();
    let outcomes: BatchOutcome[];
    try {
      outcomes = await inSharedSpan(
        BATCH_SPAN,
        batch.map((entry) => entry.span),
        () =>
          acceptBatch(
            { database, notifies },
            batch.map((entry) => entry.input),
          ),
      );
    } catch (error) {
      await fail(batch, { error, isAlone });
      return;
    }
    if (!notifies) nudge.after();
    const failed: Promise<void>[] = [];
    batch.forEach((entry, index) => {
      const outcome = outcomes[index];
      if (outcome === undefined) entry.reject(new Error('the accept statement returned too few rows'));
      else if (outcome.outcome !== 'not_looked_up') entry.resolve(outcome);
      else failed.push(fail([entry], { error: outcome.error, isAlone }));
    });
    await Promise.all(failed);
  }

  const batcher = createBatcher<Waiting>(
    { run },
    { maxBatch, enough: ENOUGH, maxInFlight, maxWaiting: MOST_WAITING },
  );

  return {
    accept(input) {
      // The job continues the trace under the request itself, which lasts longer than its acceptance.
      const traceparent = activeSpan()?.traceparent;
      const added = traceparent === undefined ? input : { ...input, traceparent };
      return inSpan(
        SPAN,
        (span) =>
          new Promise((resolve, reject) => {
            if (!batcher.add({ input: added, span, resolve, reject })) {
              reject(new DatabaseUnavailableError('too many requests are waiting for PostgreSQL'));
            }
          }),
      );
    },
  };
}
