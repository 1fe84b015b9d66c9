import { untraced } from './tracing.ts';

// By hand: DataLoader and the batch libraries have no cap on batches in flight, which is what makes a group commit.

export type Batcher<Item> = {
  /** @returns false when `maxWaiting` items wait already: the item was not taken. */
  add(item: Item): boolean;
};

/**
 * Group commit: gathers items and hands them on in batches. Items that are added in one turn of the event loop go together, but `enough` of
 * them leave at once; those that are added while `maxInFlight` batches are under way form the next one. A lone item waits for nothing but
 * the end of the turn.
 *
 * A batcher costs an item no promise and no object: an item carries its own `resolve` and `reject` if anyone waits for it.
 *
 * @param deps.run works on one batch, in the order of `add`. It settles the items itself and must not reject.
 * @param options.maxBatch items in one batch.
 * @param options.enough that many items do not wait for the end of the turn, so that the server works on them while this process reads
 *   further ones: otherwise each of the two waits for the other. No limit by default.
 * @param options.maxInFlight batches at once.
 * @param options.maxWaiting items that may wait for a batch; no limit by default.
 */
export function createBatcher<Item>(
  { run }: { run: (batch: Item[]) => Promise<void> },
  {
    maxBatch,
    enough = Number.POSITIVE_INFINITY,
    maxInFlight,
    maxWaiting = Number.POSITIVE_INFINITY,
  }: { maxBatch: number; enough?: number; maxInFlight: number; maxWaiting?: number },
): Batcher<Item> {
  const waiting: Item[] = [];
  let inFlight = 0;
  let planned = false;

  function flush(): void {
    while (waiting.length > 0 && inFlight < maxInFlight) {
      inFlight += 1;
      void untraced(() => run(waiting.splice(0, maxBatch))).finally(() => {
        inFlight -= 1;
        flush();
      });
    }
  }

  return {
    add(item) {
      if (waiting.length >= maxWaiting) return false;
      waiting.push(item);
      if (inFlight >= maxInFlight) return true;
      if (waiting.length >= enough) {
        flush();
      } else if (!planned) {
        planned = true;
        // Runs after the requests that the event loop is reading in this turn, so that they go together.
        setImmediate(() => {
          planned = false;
          flush();
        });
      }
      return true;
    },
  };
}
