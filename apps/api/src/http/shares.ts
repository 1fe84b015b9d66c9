/** Work that waits for a far end, bounded over all clients and for each, so that one client never has all of it. */
export type Shares = {
  /** Runs the work in the client's share. null: the share, or the whole, is used up, and nothing was run. */
  run<T>(clientPk: number, work: () => Promise<T>): Promise<T> | null;
};

/** Makes shares of this process: other API processes have shares of their own. */
export function createShares(most: { perClient: number; total: number }): Shares {
  const running = new Map<number, number>();
  let total = 0;
  return {
    run(clientPk, work) {
      const before = running.get(clientPk) ?? 0;
      if (before >= most.perClient || total >= most.total) return null;
      running.set(clientPk, before + 1);
      total += 1;
      return work().finally(() => {
        total -= 1;
        const left = (running.get(clientPk) ?? 1) - 1;
        if (left === 0) running.delete(clientPk);
        else running.set(clientPk, left);
      });
    },
  };
}
