import { DatabaseUnavailableError, type Statements } from '../core/statements.ts';
import { type AcceptOutcome, acceptBatch } from './accept-batch.ts';
import type { AcceptInput } from './accept-payments.ts';
import { createNudge } from './nudge.ts';

export type Acceptor = {
  /**
   * Accepts one payment, durably: it has been committed when this resolves.
   *
   * @throws DatabaseUnavailableError when Postgres is away, late, or has more waiting for it than it can take.
   */
  accept(input: AcceptInput): Promise<AcceptOutcome>;
};

type Waiting = {
  input: AcceptInput;
  resolve(outcome: AcceptOutcome): void;
  reject(error: unknown): void;
};

/** More than this many requests waiting for Postgres is an outage: they are told so at once. */
const MOST_WAITING = 10_000;

/**
 * Group commit: requests that come while a batch is under way form the next one, so that many share one round trip
 * and one fsync, and a lone request waits for nobody. After each commit the relays are told, beside the answers.
 *
 * @param deps.onBatch told the number of rows of each statement.
 * @param options.maxBatch rows in one statement.
 * @param options.maxInFlight statements at once: the second is built while the first is being committed.
 */
export function createAcceptor(
  { database, onBatch }: { database: Statements; onBatch?: (rows: number) => void },
  { maxBatch = 200, maxInFlight = 2 }: { maxBatch?: number; maxInFlight?: number } = {},
): Acceptor {
  const nudgeRelays = createNudge({ database });
  const waiting: Waiting[] = [];
  let inFlight = 0;
  let flushPlanned = false;

  async function run(batch: Waiting[]): Promise<void> {
    onBatch?.(batch.length);
    try {
      const outcomes = await acceptBatch(
        { database },
        batch.map((entry) => entry.input),
      );
      nudgeRelays();
      batch.forEach((entry, index) => {
        const outcome = outcomes[index];
        if (outcome === undefined) entry.reject(new Error('the accept statement answered too few rows'));
        else entry.resolve(outcome);
      });
    } catch (error) {
      // One row that Postgres cannot take must not fail its neighbours: each gets its own answer.
      if (batch.length > 1 && !(error instanceof DatabaseUnavailableError)) {
        await Promise.all(batch.map((entry) => run([entry])));
      } else {
        for (const entry of batch) entry.reject(error);
      }
    }
  }

  function flush(): void {
    flushPlanned = false;
    while (waiting.length > 0 && inFlight < maxInFlight) {
      inFlight += 1;
      void run(waiting.splice(0, maxBatch)).finally(() => {
        inFlight -= 1;
        flush();
      });
    }
  }

  return {
    accept(input) {
      if (waiting.length >= MOST_WAITING) {
        return Promise.reject(new DatabaseUnavailableError('too many requests are waiting for PostgreSQL'));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ input, resolve, reject });
        // After the requests that the event loop is reading right now, so that they go together.
        if (!flushPlanned && inFlight < maxInFlight) {
          flushPlanned = true;
          setImmediate(flush);
        }
      });
    },
  };
}
