/** A vendor's limit of requests, as the database has it. */
type Bucket = {
  key: string;
  calls: readonly number[];
  perMs: readonly number[];
  nextSlots: readonly Date[];
  pausedUntil: Date | null;
};

export type LimitShown = {
  /** The same for all connections that share the limit. */
  key: string;
  windows: { calls: number; per_ms: number }[];
  /** When the next call is free; null: now. */
  next_call_at: Date | null;
  /** Until when the EMR wants no call; null: it has said nothing. */
  paused_until: Date | null;
};

/** The limit under which a connection falls; null when its EMR names none. */
export function limitShown(bucket: Bucket | null, now = new Date()): LimitShown | null {
  if (bucket === null) return null;
  const { key, calls, perMs, nextSlots, pausedUntil } = bucket;
  const pause = pausedUntil !== null && pausedUntil > now ? pausedUntil : null;
  const next = [...nextSlots, ...(pause === null ? [] : [pause])].reduce((a, b) => (a > b ? a : b), now);
  return {
    key,
    windows: calls.map((number, index) => ({ calls: number, per_ms: perMs[index] ?? 0 })),
    next_call_at: next > now ? next : null,
    paused_until: pause,
  };
}

/** The windows of a limit, for people. */
export const windowsText = ({ windows }: Pick<LimitShown, 'windows'>): string =>
  windows.map(({ calls, per_ms }) => `${calls} calls in ${per_ms / 1000} s`).join(', ');

/** One line of it, for people. */
export function limitText(limit: LimitShown | null): string | null {
  if (limit === null) return null;
  const next =
    limit.next_call_at === null ? 'a call is free' : `next call at ${limit.next_call_at.toISOString()}`;
  return `${windowsText(limit)}; ${limit.paused_until === null ? next : `the EMR asked to wait until ${limit.paused_until.toISOString()}`}`;
}
