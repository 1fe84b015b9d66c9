/** The sessions of one pool on the server. */
export type Sessions = {
  /** The sessions of closed connections to a host that may still be at work, by their process ids on the server. */
  leftAt(host: string): number[];
  /**
   * Counts a new connection.
   *
   * @param session.asked what `leftAt` gave before the server was asked for `busy`, those of them that are still at work.
   * @returns false when the pool would have more sessions than it may: the connection has to be closed.
   */
  join(connection: object, session: { host: string; pid: number; asked: number[]; busy: number[] }): boolean;
  /** Counts the end of a connection; a second call changes nothing. */
  leave(connection: object): void;
};

/**
 * Bounds the sessions of a pool on the server. When a commit waits for a synchronous standby that is away, the client gives up after its
 * time-out and closes the connection, but the session goes on waiting: no time-out of the server ends it. A pool that opens another
 * connection for each of them fills the server. So a session counts until the server says that it is no longer at work.
 *
 * It must not be cancelled or terminated: PostgreSQL would end the wait and show the commit to everybody before the standby has it.
 * A request that is repeated with its idempotency key would then be answered with 200 for a payment that a failover loses.
 * https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION-HA
 */
export function createSessions({ max = Number.POSITIVE_INFINITY }: { max?: number | undefined }): Sessions {
  const open = new Map<object, { host: string; pid: number }>();
  const left = new Map<number, string>();
  return {
    leftAt(host) {
      return [...left].filter(([, at]) => at === host).map(([pid]) => pid);
    },
    join(connection, { host, pid, asked, busy }) {
      for (const one of asked) if (!busy.includes(one)) left.delete(one);
      // This host takes connections now: those of another host are no burden to it, and end with theirs.
      for (const [one, at] of left) if (at !== host) left.delete(one);
      if (open.size + left.size >= max) return false;
      open.set(connection, { host, pid });
      return true;
    },
    leave(connection) {
      const session = open.get(connection);
      if (session !== undefined) left.set(session.pid, session.host);
      open.delete(connection);
    },
  };
}
