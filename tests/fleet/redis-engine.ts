import { setTimeout as wait } from 'node:timers/promises';
import {
  type RedisServer,
  type Sentinel,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
} from '@emr-payments/testkit';
import type { FleetFault } from './fault.ts';
import type { RedisKind } from './options.ts';
import { until } from './until.ts';

export type RedisEngine = {
  url: string;
  /** The faults of the engine, the most telling ones first. */
  faults: readonly FleetFault[];
  stop(): Promise<void>;
};

/** A frozen master is not answered for so long: several times the time after which it is held for gone. */
const FROZEN_MS = 8_000;
/** How long a killed server is away that nothing replaces. */
const AWAY_MS = 1_500;

/** Starts a server that was killed. Its port may have been taken for a moment by somebody's outgoing connection. */
const startAgain = (server: RedisServer | Sentinel) =>
  until('a start of redis-server', async () => {
    await server.start();
    return true;
  });

/** Servers of which one is the master and the others are its replicas. */
type Group = {
  name: string;
  servers: readonly RedisServer[];
  master(): Promise<RedisServer>;
};

const replicationOf = (server: RedisServer) => server.command('INFO replication');

/**
 * True when the group has one master, which every other server follows. Which one that is, is not asked: a new master that does not answer
 * for a second, as on a busy machine, is replaced by the old one as soon as that is back.
 */
async function isWhole({ servers, master }: Group): Promise<boolean> {
  const first = await master();
  const others = await Promise.all(servers.filter(({ port }) => port !== first.port).map(replicationOf));
  return (
    (await replicationOf(first)).includes('role:master') &&
    others.every(
      (info) => info.includes(`master_port:${first.port}\r`) && info.includes('master_link_status:up'),
    )
  );
}

/** The faults of a group that fails over. */
function groupFaults(group: Group) {
  const { name, servers, master } = group;
  const replaced = ({ port }: RedisServer) =>
    until(`a new ${name} master`, async () => (await master()).port !== port);
  const whole = () => until(`a ${name} master that the others follow`, () => isWhole(group));
  const killed: FleetFault = {
    name: `${name} master killed, replica promoted, old one back`,
    takesMs: 15_000,
    async strike() {
      const server = await master();
      await server.kill();
      await replaced(server);
      await startAgain(server);
      await whole();
    },
  };
  const frozen: FleetFault = {
    name: `${name} master frozen (SIGSTOP) for ${FROZEN_MS / 1000} s`,
    takesMs: FROZEN_MS + 12_000,
    async strike() {
      const server = await master();
      process.kill(server.pid, 'SIGSTOP');
      try {
        await wait(FROZEN_MS);
        await replaced(server);
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
      await whole();
    },
  };
  const replicaKilled: FleetFault = {
    name: `${name} replica killed`,
    takesMs: AWAY_MS + 3_000,
    async strike() {
      const { port } = await master();
      const replica = servers.find((server) => server.port !== port);
      if (replica === undefined) throw new Error(`${name} has no replica`);
      await replica.kill();
      await wait(AWAY_MS);
      await startAgain(replica);
      await whole();
    },
  };
  return { killed, frozen, replicaKilled };
}

const wiped = (masters: () => Promise<readonly RedisServer[]>): FleetFault => ({
  name: 'Redis wiped (FLUSHALL on every master)',
  takesMs: 500,
  async strike() {
    for (const master of await masters()) await master.flush();
  },
});

async function openSingle(): Promise<RedisEngine> {
  const server = await startRedis();
  return {
    url: server.url,
    faults: [
      {
        name: 'Redis killed, back and empty',
        takesMs: AWAY_MS + 1_000,
        async strike() {
          await server.kill();
          await wait(AWAY_MS);
          await startAgain(server);
        },
      },
      wiped(async () => [server]),
    ],
    stop: () => server.stop(),
  };
}

async function openSentinel(): Promise<RedisEngine> {
  const fixture = await startRedisSentinel();
  const { servers, master } = fixture;
  const { killed, frozen, replicaKilled } = groupFaults({ name: 'Redis', servers, master });
  const [sentinel] = fixture.sentinels;
  if (sentinel === undefined) throw new Error('there is no sentinel');
  const sentinelKilled: FleetFault = {
    name: 'Redis sentinel killed',
    takesMs: AWAY_MS + 2_000,
    async strike() {
      await sentinel.kill();
      await wait(AWAY_MS);
      await startAgain(sentinel);
      await until('a complete view of all sentinels', () => fixture.isComplete());
    },
  };
  return {
    url: fixture.url,
    faults: [killed, sentinelKilled, replicaKilled, wiped(async () => [await master()]), frozen],
    stop: fixture.stop,
  };
}

async function openCluster(): Promise<RedisEngine> {
  const fixture = await startRedisCluster();
  const groups = fixture.shards.map(
    ({ key, nodes }, place): Group => ({
      name: `Redis shard ${place + 1}`,
      servers: nodes,
      master: () => fixture.masterOf(key),
    }),
  );
  const [first, ...others] = groups.map(groupFaults);
  if (first === undefined) throw new Error('the cluster has no master');
  const masters = () => Promise.all(groups.map(({ master }) => master()));
  return {
    url: fixture.url,
    faults: [
      first.killed,
      first.replicaKilled,
      wiped(masters),
      first.frozen,
      ...others.map(({ killed }) => killed),
    ],
    stop: fixture.stop,
  };
}

/** Starts the Redis of the fleet. @throws Error when there is no redis-server. */
export const openRedis = (kind: RedisKind): Promise<RedisEngine> =>
  ({ single: openSingle, sentinel: openSentinel, cluster: openCluster })[kind]();
