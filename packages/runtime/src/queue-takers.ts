import type { Logger } from './logger.ts';
import { type DueEntry, entriesOf, type QueueEntry } from './queue-bundles.ts';
import { openPlaces } from './queue-places.ts';

/** An entry in the hands of a handler. */
export type TakenEntry = QueueEntry & {
  /** The handler calls it when the job is claimed in PostgreSQL: the lease protects it from then on, and the queue need not. */
  onClaimed?: () => void;
  /** For the time in which the entry only waits for a far end that is slow. */
  leavePlace?: LeavePlace;
};

/**
 * Gives away the place of an entry that goes on without one. It changes nothing when too many have done so already.
 *
 * @returns true when the place is free.
 */
export type LeavePlace = () => boolean;

/** Handles one entry. Rejects during an outage of PostgreSQL: the sweeper takes its job back. */
export type EntryHandler = (entry: TakenEntry) => Promise<void>;

/** A BullMQ job, as far as it is needed here. The timestamp is the `queuedAt` of the bundle. */
export type TakenBundle = { data: unknown; timestamp: number };

/** A place of this process for an entry under work. */
export type Place = {
  /** Runs work in it. The place is free again when that has ended or has left it. */
  use(work: (leavePlace: LeavePlace) => Promise<void>): void;
  /** Gives it back. Does nothing once it is in use. */
  giveBack(): void;
};

export type Takers = {
  /** How many bundles are claimed at once: BullMQ's concurrency. */
  readonly count: number;
  /** Handles one BullMQ job. Resolves when the queue may forget it and there is a place for the first entry of the next one. */
  process(bundle: TakenBundle): Promise<void>;
  /** Takes a place, for work that does not come through the queue; null when none is free, or the process stops. */
  takePlace(): Place | null;
  /** Begins no further entry. Those of a bundle that wait for a place are handed back to the queue. */
  stop(): void;
  /** Resolves when no entry is under work, and no place is taken. */
  idle(): Promise<void>;
};

/** With two, a bundle is fetched while another is claimed. A third would win nothing: the claims share two connections. */
const MOST_TAKERS = 2;
/** A taker's place waits with it for the next bundle. With few places, two of them waiting would be felt. */
const PLACES_FOR_TWO = 16;
/** For each place, so many entries may be under work that have left theirs: what they take is a socket and some memory. */
const BESIDE = 3;

/**
 * Works on the entries of bundles, at most `concurrency` of them at once, and three times as many more that wait for slow far ends. A BullMQ
 * job lasts until all its entries have been claimed and not until they have ended: one slow far end holds up no bundle, and no other entry of it.
 *
 * A bundle is taken only by a taker that has a place for its first entry. Its further entries take the places that are free, all in
 * one turn of the event loop, so that their claims go together; the rest wait for places. Another worker gets them sooner if the
 * sweeper finds them waiting: then one of the two claims finds nothing.
 *
 * @param deps.handBack adds entries to the queue again.
 */
export function openTakers(
  {
    handler,
    handBack,
    logger,
  }: { handler: EntryHandler; handBack: (entries: DueEntry[]) => Promise<void>; logger: Logger },
  { concurrency }: { concurrency: number },
): Takers {
  const count = concurrency >= PLACES_FOR_TWO ? MOST_TAKERS : 1;
  // Each taker begins with a place, and has one again before it takes its next bundle.
  const places = openPlaces({ count: concurrency - count });
  const underWork = new Set<Promise<void>>();
  let beside = 0;
  let stopped = false;
  /** During an outage one line says so, and not one for each entry. */
  let failing = false;

  /** Keeps a place until the work ends that it was taken for, or leaves it. */
  function keepPlace(begin: (leavePlace: LeavePlace) => Promise<void>): Promise<void> {
    let state: 'in place' | 'beside' | 'over' = 'in place';
    const leavePlace = () => {
      if (state !== 'in place' || beside >= concurrency * BESIDE) return false;
      state = 'beside';
      beside += 1;
      places.free();
      return true;
    };
    const kept = begin(leavePlace).finally(() => {
      underWork.delete(kept);
      if (state === 'beside') beside -= 1;
      else places.free();
      state = 'over';
    });
    underWork.add(kept);
    return kept;
  }

  /** Begins an entry, which has a place. Resolves when it is claimed, or has ended. */
  function begin(entry: QueueEntry): Promise<void> {
    const claimed = Promise.withResolvers<void>();
    const work = async (leavePlace: LeavePlace) => {
      try {
        await handler({ ...entry, onClaimed: claimed.resolve, leavePlace });
        failing = false;
      } catch (err) {
        const level = failing ? 'debug' : 'warn';
        logger[level](
          { err, job_id: entry.job },
          'a job is left to the sweep: PostgreSQL cannot be used for it now',
        );
        failing = true;
      }
    };
    void keepPlace(work).then(claimed.resolve);
    return claimed.promise;
  }

  return {
    count,
    async process({ data, timestamp }) {
      const { entries, unreadable } = entriesOf(data);
      if (unreadable > 0) logger.warn({ count: unreadable }, 'the queue held something that is no entry');
      const claims: Promise<void>[] = [];
      // A bundle that was fetched while the process began to stop belongs to another worker: its taker may have no place any more.
      let hasPlace = !stopped;
      for (const [index, entry] of entries.entries()) {
        hasPlace ||= places.takeNow() || (await places.take());
        if (!hasPlace) {
          const left = entries.slice(index).map((each) => ({ ...each, queuedAt: timestamp }));
          await handBack(left).catch((err) => logger.debug({ err }, 'entries could not be handed back'));
          break;
        }
        claims.push(begin(entry));
        hasPlace = false;
      }
      await Promise.all(claims);
      if (!hasPlace) await places.takeLast();
    },
    takePlace() {
      if (!places.takeNow()) return null;
      const used = Promise.withResolvers<void>();
      let leave: LeavePlace = () => false;
      void keepPlace((leavePlace) => {
        leave = leavePlace;
        return used.promise;
      });
      return {
        use: (work) =>
          used.resolve(
            work(leave).catch((err: unknown) => logger.debug({ err }, 'work in a place has failed')),
          ),
        giveBack: used.resolve,
      };
    },
    stop() {
      stopped = true;
      places.close();
    },
    async idle() {
      while (underWork.size > 0) await Promise.all(underWork);
    },
  };
}
