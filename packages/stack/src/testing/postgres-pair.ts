import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import {
  type EmbeddedPostgres,
  OVERWRITES_FREED_MEMORY,
  removePlace,
  startEmbeddedPostgres,
} from '../embedded-postgres.ts';

const NODES = ['a', 'b'] as const;
type Node = (typeof NODES)[number];

export type PostgresPair = {
  /** The server that takes writes. `promote` changes it. */
  readonly primary: EmbeddedPostgres;
  /** The other server: a standby, or stopped. */
  readonly standby: EmbeddedPostgres;
  /** A URL with both hosts in fixed order, as libpq writes them, with `target_session_attrs=read-write`. */
  urlOf(database: string): string;
  /** Kills the primary (kill -9) and waits until it accepts no connection. */
  killPrimary(): Promise<void>;
  /** Makes the standby the primary, and resolves when it takes writes. No commit of it waits for a standby before `rejoin`. */
  promote(): Promise<void>;
  /** Makes a stopped standby again, from a base backup of the primary, and waits until commits wait for it again. */
  rejoin(): Promise<void>;
  /** Stops the standby: from now on every commit of the primary waits. */
  standbyAway(): Promise<void>;
  /** Starts the standby that `standbyAway` has stopped, and waits until it has caught up. */
  standbyBack(): Promise<void>;
  stop(): Promise<void>;
};

const WITHIN_MS = 60_000;

/** Waits until the condition is true; an error of it counts as false. @throws Error after a minute. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + WITHIN_MS; !(await isTrue().catch(() => false)); await wait(50))
    if (Date.now() > deadline) throw new Error('the standby did not catch up within a minute');
}

const runOn = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: WITHIN_MS });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
};

/**
 * Starts a primary and a synchronous standby, both durable, on 127.0.0.1. Takes about 5 s.
 *
 * @param options.folder for the data of both; `stop` removes them.
 * @param options.settings further settings of both servers.
 */
export async function startPostgresPair(options: {
  folder: string;
  settings?: Readonly<Record<string, string>>;
}): Promise<PostgresPair> {
  const settings = {
    max_connections: '100',
    shared_buffers: '64MB',
    wal_keep_size: '256MB',
    ...options.settings,
  };
  const dirOf = (node: Node) => join(options.folder, `postgres-${node}`);
  const startNode = (node: Node, more: { port: number; standbyOf?: EmbeddedPostgres }) =>
    startEmbeddedPostgres({
      dataDir: dirOf(node),
      port: more.port,
      durable: true,
      env: OVERWRITES_FREED_MEMORY,
      settings,
      ...(more.standbyOf === undefined ? {} : { standbyOf: { source: more.standbyOf, name: node } }),
    });

  /** Makes commits of the primary wait for the standby once it streams: before, `ALTER SYSTEM` would have to wait for it. */
  async function makeSynchronous(primary: EmbeddedPostgres, standby: Node): Promise<void> {
    const isSo = (state: string) => async () =>
      (
        await runOn(
          primary.url,
          `SELECT 1 FROM pg_stat_replication WHERE application_name = '${standby}' AND ${state}`,
        )
      ).length > 0;
    await until(isSo(`state = 'streaming'`));
    await runOn(primary.url, `ALTER SYSTEM SET synchronous_standby_names = '${standby}'`);
    await runOn(primary.url, 'SELECT pg_reload_conf()');
    await until(isSo(`sync_state = 'sync'`));
  }

  const a = await startNode('a', { port: 0 });
  const b = await startNode('b', { port: 0, standbyOf: a }).catch(async (error: unknown) => {
    await a.stop('immediate');
    throw error;
  });
  const servers = { a, b };
  let first: Node = 'a';
  const other = (): Node => (first === 'a' ? 'b' : 'a');
  await makeSynchronous(a, 'b');

  return {
    get primary() {
      return servers[first];
    },
    get standby() {
      return servers[other()];
    },
    urlOf(database) {
      const url = new URL(a.urlOf(database));
      return `postgresql://${url.username}:${url.password}@127.0.0.1:${a.port},127.0.0.1:${b.port}/${database}?target_session_attrs=read-write`;
    },
    async killPrimary() {
      await servers[first].stop('kill');
    },
    async promote() {
      const { url, data, pid } = servers[other()];
      // As `pg_ctl promote` does it. A statement would need a connection, which takes seconds while this process is busy with a load.
      writeFileSync(join(data, 'promote'), '');
      process.kill(pid, 'SIGUSR1');
      // What it still replays may cancel our statement: that is a reason to ask again.
      await until(async () => {
        const [row] = await runOn(url, 'SELECT pg_is_in_recovery() AS replaying');
        return row?.replaying === false;
      });
      first = other();
      // It may have been a primary of an earlier round, which waited for a standby.
      await runOn(servers[first].url, 'ALTER SYSTEM RESET synchronous_standby_names');
      await runOn(servers[first].url, 'SELECT pg_reload_conf()');
    },
    async rejoin() {
      const node = other();
      const { port } = servers[node];
      await servers[node].stop('kill');
      removePlace(dirOf(node));
      servers[node] = await startNode(node, { port, standbyOf: servers[first] });
      await makeSynchronous(servers[first], node);
    },
    async standbyAway() {
      await servers[other()].stop('kill');
      // Its processes outlive the postmaster by a moment, in which one can still confirm a commit.
      const { url } = servers[first];
      await until(async () => (await runOn(url, 'SELECT FROM pg_stat_replication')).length === 0);
    },
    async standbyBack() {
      await servers[other()].restart();
      await makeSynchronous(servers[first], other());
    },
    async stop() {
      for (const node of NODES) await servers[node].stop('immediate');
      for (const node of NODES) removePlace(dirOf(node));
    },
  };
}
