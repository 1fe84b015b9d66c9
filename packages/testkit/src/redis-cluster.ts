import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { untilSeen } from './redis-process.ts';

const SLOTS = 16_384;

/** Masters that share the slots, each with a replica that takes its place when it is gone. */
export type RedisCluster = {
  /** Names all nodes, for REDIS_URL. */
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** The nodes that share slots: one of them is the master of these, the others are its replicas. The key is in one of their slots. */
  readonly shards: readonly { key: string; nodes: readonly RedisServer[] }[];
  /** The node that serves the slot of this key as its master, as the first node sees it that answers. */
  masterOf(key: string): Promise<RedisServer>;
  stop(): Promise<void>;
};

type Options = {
  masters?: number;
  /** Of each master. */
  replicas?: number;
  /** Time without an answer after which a node holds another for gone. */
  nodeTimeoutMs?: number;
  settings?: Readonly<Record<string, string>>;
};

/** One line of `CLUSTER NODES`. */
type SeenNode = { id: string; port: number; flags: string[]; linked: boolean; ranges: [number, number][] };

async function viewOf(node: RedisServer): Promise<SeenNode[]> {
  const lines = (await node.command('CLUSTER NODES')).split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [id = '', address = '', flags = '', , , , , link, ...slots] = line.split(' ');
    const ranges = slots.filter((each) => !each.startsWith('[')).map((each) => each.split('-').map(Number));
    return {
      id,
      port: Number(/:(\d+)@/.exec(address)?.[1]),
      flags: flags.split(','),
      linked: link === 'connected',
      ranges: ranges.map(([first = 0, last = first]): [number, number] => [first, last]),
    };
  });
}

async function join(nodes: readonly { server: RedisServer; busPort: number }[], masters: number) {
  for (const [index, { server }] of nodes.entries()) {
    // Nodes that have met give themselves different epochs, one after the other; with these they have them at once.
    await server.command(`CLUSTER SET-CONFIG-EPOCH ${index + 1}`);
    if (index >= masters) continue;
    const first = Math.round((index * SLOTS) / masters);
    const last = Math.round(((index + 1) * SLOTS) / masters) - 1;
    await server.command(`CLUSTER ADDSLOTSRANGE ${first} ${last}`);
  }
  const [first] = nodes;
  for (const { server, busPort } of nodes.slice(1)) {
    await first?.server.command(`CLUSTER MEET 127.0.0.1 ${server.port} ${busPort}`);
  }
  await untilSeen('a complete view of all nodes', async () => {
    const views = await Promise.all(nodes.map(({ server }) => viewOf(server)));
    return views.every(
      (view) =>
        view.filter(({ flags, linked }) => linked && !flags.includes('handshake')).length === nodes.length,
    );
  });
}

/** Makes each node after the masters the replica of one of them. */
async function followMasters(nodes: readonly RedisServer[], masters: number) {
  for (const [index, replica] of nodes.entries()) {
    if (index < masters) continue;
    const id = await nodes[index % masters]?.command('CLUSTER MYID');
    await replica.command(`CLUSTER REPLICATE ${id}`);
  }
  await untilSeen('a cluster whose replicas follow', async () => {
    const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER INFO')));
    const following = await Promise.all(nodes.slice(masters).map((node) => node.command('INFO replication')));
    return (
      infos.every((info) => info.includes('cluster_state:ok')) &&
      following.every((info) => info.includes('master_link_status:up'))
    );
  });
}

/**
 * Starts a Redis Cluster on 127.0.0.1 and waits until it works: about 3 s. By default three masters with one replica each. A
 * master that is gone takes only its own slots with it.
 *
 * @throws Error when there is no redis-server (check `hasRedisServer()` first), or it takes longer than 30 s.
 */
export async function startRedisCluster(options: Options = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 1, nodeTimeoutMs = 1_000, settings = {} } = options;
  const started: { server: RedisServer; busPort: number }[] = [];
  const stop = async () => {
    await Promise.all(started.map(({ server }) => server.stop()));
  };
  try {
    for (let n = 0; n < masters * (1 + replicas); n += 1) {
      const busPort = await freePort();
      const server = await startRedis({
        'cluster-enabled': 'yes',
        'cluster-port': String(busPort),
        'cluster-node-timeout': String(nodeTimeoutMs),
        'cluster-require-full-coverage': 'no',
        'repl-diskless-sync-delay': '0',
        'repl-ping-replica-period': '1',
        ...settings,
      });
      started.push({ server, busPort });
    }
    await join(started, masters);
    await followMasters(
      started.map(({ server }) => server),
      masters,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  const nodes = started.map(({ server }) => server);

  async function masterOf(key: string): Promise<RedisServer> {
    for (const node of nodes) {
      const slot = Number((await node.command(`CLUSTER KEYSLOT ${key}`).catch(() => ':NaN')).slice(1));
      if (Number.isNaN(slot)) continue;
      const owner = (await viewOf(node)).find(
        ({ flags, ranges }) =>
          flags.includes('master') &&
          !flags.includes('fail') &&
          ranges.some(([first, last]) => first <= slot && slot <= last),
      );
      const found = nodes.find(({ port }) => port === owner?.port);
      if (found !== undefined) return found;
    }
    throw new Error(`no node serves the slot of ${key}`);
  }

  const shards: { key: string; nodes: RedisServer[] }[] = [];
  for (let n = 0; shards.length < masters; n += 1) {
    const key = `key-${n}`;
    const place = nodes.indexOf(await masterOf(key));
    if (shards.some(({ nodes: [first] }) => first === nodes[place])) continue;
    shards.push({ key, nodes: nodes.filter((_, index) => index % masters === place) });
  }

  return {
    url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    shards,
    masterOf,
    stop,
  };
}
