import type { Client, Pool, PoolClient, QueryConfig } from 'pg';

/** The error of pg (lib/client.js) for an answer that did not come within `query_timeout`. */
const LATE = 'Query read timeout';

/** A connection that has been silent for as long as a late statement gets so long to answer the simplest one. */
const ASK_MS = 1_000;

/** Begins to watch a pool, before its first connection. */
export type SilenceWatch = (pool: Pool, options?: { heldToo?: boolean }) => void;

type Connection = {
  /** When a statement was answered last, or the connection was opened. */
  heardAt: number;
  /** Statements that wait for an answer. */
  asked: number;
  /** Somebody has it: it is not idle in its pool. */
  held: boolean;
};

type Done = (error: unknown, result?: unknown) => void;
type Query = (...asked: unknown[]) => unknown;

const isCallback = (value: unknown): value is Done => typeof value === 'function';

/**
 * Watches pools of one server. One that goes without closing its connections, or is frozen, gives no sign on a connection before a statement on it
 * has been late, so its connections would be given up one after the other, each for the whole `query_timeout` of a statement. Here they go together: once
 * a statement is late, each connection is asked on which nothing has been answered since it was sent, and on which no statement is under way; it is closed
 * if it does not answer within a second. So those of a server that is only slow with one statement stay: on a full one they could not be opened again.
 *
 * A connection with a statement under way is left alone: that statement has a time-out of its own. So is one that is taken out of its pool, which may be
 * in a transaction; with `heldToo` it is asked as well.
 */
export function watchForSilence(): SilenceWatch {
  const open = new Map<PoolClient, Connection & { heldToo: boolean }>();

  function closeSilent(since: number): void {
    for (const [client, { heardAt, asked, held, heldToo }] of open) {
      if (heardAt > since || asked > 0 || (held && !heldToo)) continue;
      const close = () => (client as unknown as Client).connection.stream.destroy();
      client.query({ text: '', query_timeout: ASK_MS } as QueryConfig).catch(close);
    }
  }

  function listen(client: PoolClient, connection: Connection): void {
    const query = client.query.bind(client) as Query;
    const ask: Query = (...asked) => {
      const sentAt = performance.now();
      connection.asked += 1;
      const answered = (error?: unknown): void => {
        connection.asked -= 1;
        if (error instanceof Error && error.message === LATE) closeSilent(sentAt);
        else connection.heardAt = performance.now();
      };
      const done = asked.at(-1);
      if (isCallback(done)) {
        const tell: Done = (error, result) => {
          answered(error);
          done(error, result);
        };
        return query(...asked.map((one) => (one === done ? tell : one)));
      }
      const answer = query(...asked);
      if (answer instanceof Promise) answer.then(() => answered(), answered);
      return answer;
    };
    client.query = ask as PoolClient['query'];
  }

  return (pool, { heldToo = false } = {}) => {
    pool.on('connect', (client) => {
      const connection = { heardAt: performance.now(), asked: 0, held: true, heldToo };
      open.set(client, connection);
      listen(client, connection);
    });
    const hold = (client: PoolClient, held: boolean): void => {
      const connection = open.get(client);
      if (connection !== undefined) connection.held = held;
    };
    pool.on('acquire', (client) => hold(client, true));
    pool.on('release', (_error, client) => hold(client, false));
    pool.on('remove', (client) => open.delete(client));
  };
}
