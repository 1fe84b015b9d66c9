import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { Connections } from './measure.ts';

const EVERY_MS = 500;
const COUNT = `SELECT count(*)::int AS count FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;

async function connect(url: string): Promise<Client> {
  const limits = { connectionTimeoutMillis: 5_000, query_timeout: 5_000 };
  const client = new Client({ connectionString: url, ...limits });
  // The statement under way fails with the same error.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Counts the connections to the server that takes writes, twice a second, as far as it can be reached. */
export function countConnections(url: () => string): {
  counts: readonly Connections[];
  stop(): Promise<void>;
} {
  const counts: Connections[] = [];
  let stopped = false;
  const counting = (async () => {
    let client: Client | undefined;
    for (; !stopped; await wait(EVERY_MS)) {
      try {
        client ??= await connect(url());
        const [row] = (await client.query<{ count: number }>(COUNT)).rows;
        counts.push({ at: Date.now(), count: row?.count ?? 0 });
      } catch {
        // The server is being killed or promoted. The next count asks the one that takes writes then.
        await client?.end().catch(() => undefined);
        client = undefined;
      }
    }
    await client?.end();
  })();
  return {
    counts,
    async stop() {
      stopped = true;
      await counting;
    },
  };
}
