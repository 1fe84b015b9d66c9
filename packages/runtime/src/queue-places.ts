/** The places of a process for the entries of one queue. */
export type Places = {
  /** True if a place was free: it is taken. */
  takeNow(): boolean;
  /** Resolves with true when a place is free and taken, in the order of the calls; with false once the places are closed. */
  take(): Promise<boolean>;
  /** The same, after all who wait in `take`: who asks for more does so after those who have something in hand. */
  takeLast(): Promise<boolean>;
  /** Gives a place back. */
  free(): void;
  /** From now on nobody gets a place; those who wait are answered. */
  close(): void;
};

/** Bounds the entries that a process works on at once. @param count the places; each entry under work has one. */
export function openPlaces({ count }: { count: number }): Places {
  let left = count;
  let closed = false;
  type Answer = (taken: boolean) => void;
  const waiting: Answer[] = [];
  const last: Answer[] = [];

  async function takeIn(line: Answer[]): Promise<boolean> {
    if (takeNow()) return true;
    return closed ? false : new Promise<boolean>((resolve) => line.push(resolve));
  }

  function takeNow(): boolean {
    if (closed || left === 0) return false;
    left -= 1;
    return true;
  }

  return {
    takeNow,
    take: () => takeIn(waiting),
    takeLast: () => takeIn(last),
    free() {
      const next = waiting.shift() ?? last.shift();
      if (next === undefined) left += 1;
      else next(true);
    },
    close() {
      closed = true;
      for (const answer of [...waiting.splice(0), ...last.splice(0)]) answer(false);
    },
  };
}
