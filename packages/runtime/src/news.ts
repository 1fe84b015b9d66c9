/** How many kinds of trouble are remembered. */
const MOST_KINDS = 50;

/** Tells trouble that is worth a line in the log from the same trouble once more. */
export type News = {
  /** True for an error when none with the same message was news in the last `quietMs`, or since the trouble was over. */
  isNews(error: unknown): boolean;
  /** Whatever comes from now on is news. */
  over(): void;
};

export function createNews({ quietMs }: { quietMs: number }): News {
  const saidAt = new Map<string, number>();
  return {
    isNews(error) {
      const kind = String(error);
      const now = performance.now();
      const last = saidAt.get(kind);
      if (last !== undefined && now - last < quietMs) return false;
      if (saidAt.size >= MOST_KINDS) saidAt.clear();
      saidAt.set(kind, now);
      return true;
    },
    over: () => saidAt.clear(),
  };
}
