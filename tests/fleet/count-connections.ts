import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { Connections } from './measure.ts';

const EVERY_MS = 500;
const COUNT = `SELECT count(*)::int AS count FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

/** Counts the connections to the server that takes writes, twice a second, as far as it can be reached. Every count has its own connection. */
export function countConnections(url: () => string): {
  counts: readonly Connections[];
  stop(): Promise<void>;
} {
  const counts: Connections[] = [];
  let stopped = false;
  const count = async () => {
    const client = new Client({
      connectionString: url(),
      connectionTimeoutMillis: 1_000,
      query_timeout: 1_000,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const [row] = (await client.query<{ count: number }>(COUNT)).rows;
      counts.push({ at: Date.now(), count: row?.count ?? 0 });
    } catch {
      // The server is being killed or promoted: the next count may reach it.
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const counting = (async () => {
    for (; !stopped; await wait(EVERY_MS)) await count();
  })();
  return {
    counts,
    async stop() {
      stopped = true;
      await counting;
    },
  };
}
