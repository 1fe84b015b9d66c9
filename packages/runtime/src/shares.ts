import { LateError } from './within.ts';

// By hand: the semaphores on npm (p-limit, async-mutex, bottleneck) have one queue, in which one owner's work can stand
// before everybody else's.

/** An owner has its share in use and as much waiting as it may have, or has waited as long as it may. Nothing was begun. */
export class ShareExceededError extends Error {
  override name = 'ShareExceededError';
  /** The limit that the owner exceeded, such as `at most 2 lists or reports of one client at a time`. */
  readonly limit: string;

  constructor(limit: string, options?: ErrorOptions) {
    super(`over its share: ${limit}`, options);
    this.limit = limit;
  }
}

export type Shares = {
  /**
   * Runs `work` when its owner has a place.
   *
   * @param owner such as a client's number.
   * @throws ShareExceededError when the owner has too much running and waiting.
   * @throws LateError when other owners had all places for as long as work may wait.
   */
  run<T>(owner: number, work: () => Promise<T>): Promise<T>;
};

export type SharesOptions = {
  /** Work at once, of all owners. */
  places: number;
  /** Work at once, of one owner. */
  perOwner: number;
  /** Work of one owner that may wait; 0 refuses what cannot begin at once. */
  waitingPerOwner: number;
  /** Longest wait for a place, in milliseconds. */
  waitMs: number;
  /** The time that an owner's work may take. No limit by default. */
  budget?: WorkBudget;
  /** The least rest of an owner after its work, in milliseconds. The place itself is free for others at once. */
  restAtLeastMs?: number;
  /** How an error calls the work, in the plural: `at most 2 ${work} at a time`, `at most one of the ${work} at a time`. */
  work: string;
};

/**
 * The time that the work of one owner may take, of all its places together. An owner that has used it up rests until it has time again;
 * others have its place meanwhile.
 */
export type WorkBudget = {
  /** The share of all time in the long run: 0.25 is a quarter. */
  share: number;
  /** Milliseconds that it may take at once, before the share limits it. */
  burstMs: number;
  /** The least that a piece of work counts, in milliseconds: it costs more than the time in its place. */
  leastMs: number;
  /** The longest rest, in milliseconds. Below `waitMs`, an owner that asks for one thing after the other is never refused. */
  longestRestMs: number;
};

type Waiting = { begin(): void };
type Owner = { running: number; waiting: Waiting[] };

/**
 * A bulkhead: work of one owner never has more than its share of the places, and owners that wait take turns, however much
 * each of them has waiting.
 */
export function createShares(options: SharesOptions): Shares {
  const { places, perOwner, waitingPerOwner, waitMs, budget, restAtLeastMs = 0 } = options;
  const limit = `at most ${perOwner === 1 ? 'one of the' : perOwner} ${options.work} at a time`;
  /** In the order of their turns: an owner that got or gave back a place goes to the end. One without work is not in it. */
  const owners = new Map<number, Owner>();
  let running = 0;
  const restMsAfter = budget === undefined ? () => 0 : createBudgets(budget);

  function next(): void {
    while (running < places) {
      const turn = [...owners].find(([, { waiting, running: own }]) => waiting.length > 0 && own < perOwner);
      if (turn === undefined) return;
      const [id, owner] = turn;
      toTheEnd(id, owner);
      running += 1;
      owner.running += 1;
      owner.waiting.shift()?.begin();
    }
  }

  function place(id: number): Promise<void> {
    const owner = owners.get(id) ?? { running: 0, waiting: [] };
    const room = running < places && owner.running < perOwner && owner.waiting.length === 0;
    if (!room && owner.waiting.length >= waitingPerOwner) {
      return Promise.reject(
        owner.running >= perOwner || owner.waiting.length > 0
          ? new ShareExceededError(limit)
          : new LateError('other owners have all places'),
      );
    }
    owners.set(id, owner);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        owner.waiting.splice(owner.waiting.indexOf(entry), 1);
        reject(
          owner.running >= perOwner
            ? new ShareExceededError(limit)
            : new LateError(`other owners had all places for ${waitMs} ms`),
        );
        forget(id, owner);
      }, waitMs);
      const entry: Waiting = {
        begin() {
          clearTimeout(timer);
          resolve();
        },
      };
      owner.waiting.push(entry);
      next();
    });
  }

  function giveBack(id: number): void {
    const owner = owners.get(id);
    if (owner === undefined) return;
    owner.running -= 1;
    toTheEnd(id, owner);
    forget(id, owner);
    next();
  }

  function toTheEnd(id: number, owner: Owner): void {
    owners.delete(id);
    owners.set(id, owner);
  }

  function forget(id: number, owner: Owner): void {
    if (owner.running === 0 && owner.waiting.length === 0) owners.delete(id);
  }

  return {
    async run(id, work) {
      await place(id);
      const begunAt = performance.now();
      try {
        return await work();
      } finally {
        running -= 1;
        const restMs = Math.max(restAtLeastMs, restMsAfter(id, performance.now() - begunAt));
        // A process that stops does not wait for the rest.
        if (restMs >= 1) setTimeout(() => giveBack(id), restMs).unref();
        else giveBack(id);
        next();
      }
    },
  };
}

/** Counts what each owner has used of its budget. @returns a function that adds a piece of work, and says how long its owner rests after it. */
function createBudgets(budget: WorkBudget): (owner: number, tookMs: number) => number {
  const { share, burstMs, leastMs } = budget;
  const most = burstMs + share * budget.longestRestMs;
  /** In the order of their last work, so that those that have their whole budget again are found at the beginning. */
  const used = new Map<number, { ms: number; at: number }>();
  const usedNow = ({ ms, at }: { ms: number; at: number }, now: number) =>
    Math.max(0, ms - share * (now - at));

  return (owner, tookMs) => {
    const now = performance.now();
    const before = used.get(owner);
    const ms = Math.min(most, (before === undefined ? 0 : usedNow(before, now)) + Math.max(leastMs, tookMs));
    used.delete(owner);
    used.set(owner, { ms, at: now });
    for (const [id, own] of used) {
      if (usedNow(own, now) > 0) break;
      used.delete(id);
    }
    return Math.max(0, ms - burstMs) / share;
  };
}
