/** The number of a job row, and the fence that the claim of it must find. */
export type QueueEntry = { job: string; fence: number };

/** An entry to be handed to the queue. */
export type DueEntry = QueueEntry & {
  /** When its job was marked as queued, by PostgreSQL's clock, in milliseconds since 1970. Now, by our own, if it is left out. */
  queuedAt?: number;
};

/**
 * The data of one BullMQ job. A bundle of one entry looks as every BullMQ job did before there were bundles, and the first entry of
 * a larger one is where it was: during a rolling upgrade an older worker handles the first entry of each bundle that it takes, and
 * the sweeper takes the others back.
 */
export type Bundle = QueueEntry & { more?: QueueEntry[] };

/** The most entries of a bundle. Above this the cost of BullMQ is less than a hundredth of the cost of the work. */
const MOST_ENTRIES = 50;

/** A bundle takes at most this share of the places of a process, so that the entries of one lane do not fill a process. */
const SHARE_OF_PLACES = 4;

/** @param concurrency entries that a process of this installation works on at once. */
export const bundleSize = (concurrency: number): number =>
  Math.min(MOST_ENTRIES, Math.ceil(concurrency / SHARE_OF_PLACES));

/**
 * Packs entries into as few bundles as they need. They are dealt out like cards: the feed gives the entries of a lane one after the
 * other, and so they go to several bundles and several processes.
 */
export function packBundles<Entry extends QueueEntry>(
  entries: readonly Entry[],
  { size }: { size: number },
): [Entry, ...Entry[]][] {
  const count = Math.ceil(entries.length / size);
  const bundles = new Map<number, [Entry, ...Entry[]]>();
  entries.forEach((entry, index) => {
    const bundle = bundles.get(index % count);
    if (bundle === undefined) bundles.set(index % count, [entry]);
    else bundle.push(entry);
  });
  return [...bundles.values()];
}

export function toBundle([first, ...more]: readonly [QueueEntry, ...QueueEntry[]]): Bundle {
  const bare = ({ job, fence }: QueueEntry): QueueEntry => ({ job, fence });
  return more.length === 0 ? bare(first) : { ...bare(first), more: more.map(bare) };
}

function isEntry(value: unknown): value is QueueEntry {
  const { job, fence } = (value ?? {}) as { job?: unknown; fence?: unknown };
  return typeof job === 'string' && /^[1-9]\d{0,18}$/.test(job) && Number.isInteger(fence);
}

/**
 * Reads the entries of a BullMQ job. The queue may hold what another version wrote: whatever is not an entry is left out and
 * counted. Its job, if there is one, is taken back by the sweeper.
 */
export function entriesOf(data: unknown): { entries: QueueEntry[]; unreadable: number } {
  const { more = [] } = (data ?? {}) as { more?: unknown };
  const all: unknown[] = [data, ...(Array.isArray(more) ? more : [more])];
  const entries = all.filter(isEntry).map(({ job, fence }) => ({ job, fence }));
  return { entries, unreadable: all.length - entries.length };
}
