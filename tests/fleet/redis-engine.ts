import { setTimeout as wait } from 'node:timers/promises';
import { type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from '@emr-payments/testkit';
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
/** Time for which a single server is away. */
const AWAY_MS = 3_000;

const isReplica = async (server: RedisServer): Promise<boolean> => {
  const info = await server.command('INFO replication');
  return info.includes('role:slave') && info.includes('master_link_status:up');
};

/** Starts a server that was killed. Its port may have been taken for a moment by somebody's outgoing connection. */
const startAgain = (server: RedisServer) =>
  until('a start of redis-server', async () => {
    await server.start();
    return true;
  });

type Servers = {
  masters(): Promise<readonly RedisServer[]>;
  /** True when another server serves what this one served as a master. */
  isReplaced(server: RedisServer): Promise<boolean>;
  /** True when it is the master after all, with its replica: the sentinels may give up a failover when the old master is back in time. */
  isKept(server: RedisServer): Promise<boolean>;
};

/** The faults of servers that fail over, for the master at this place among the masters. */
function failoverFaults(servers: Servers, { place, name }: { place: number; name: string }) {
  const master = async (): Promise<RedisServer> => {
    const found = (await servers.masters())[place];
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  };
  const replaced = (server: RedisServer) => until(`a new ${name}`, () => servers.isReplaced(server));
  const following = (server: RedisServer) =>
    until('the return as a replica', async () => (await isReplica(server)) || (await servers.isKept(server)));
  const killed: FleetFault = {
    name: `${name} killed, replica promoted, returned as replica`,
    takesMs: 10_000,
    async strike() {
      const server = await master();
      await server.kill();
      await replaced(server);
      await startAgain(server);
      await following(server);
    },
  };
  const frozen: FleetFault = {
    name: `${name} frozen (SIGSTOP) for ${FROZEN_MS / 1000} s`,
    takesMs: FROZEN_MS + 4_000,
    async strike() {
      const server = await master();
      process.kill(server.pid, 'SIGSTOP');
      try {
        await wait(FROZEN_MS);
        await replaced(server);
      } finally {
        process.kill(server.pid, 'SIGCONT');
      }
      await following(server);
    },
  };
  return { killed, frozen };
}

const wiped = (masters: Servers['masters']): FleetFault => ({
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
        name: `Redis killed, back and empty after ${AWAY_MS / 1000} s`,
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
  const servers: Servers = {
    masters: async () => [await fixture.master()],
    isReplaced: async (server) => (await fixture.master()).port !== server.port,
    isKept: async (server) =>
      (await fixture.master()).port === server.port &&
      (await server.command('INFO replication')).includes('connected_slaves:1'),
  };
  const { killed, frozen } = failoverFaults(servers, { place: 0, name: 'Redis master' });
  return { url: fixture.url, faults: [killed, wiped(servers.masters), frozen, killed], stop: fixture.stop };
}

async function openCluster(): Promise<RedisEngine> {
  const fixture = await startRedisCluster();
  const roleOf = async (server: RedisServer) => server.command('INFO replication').catch(() => '');
  const masters = async () => {
    const roles = await Promise.all(fixture.nodes.map(roleOf));
    return fixture.nodes.filter((_, index) => roles[index]?.includes('role:master'));
  };
  const count = (await masters()).length;
  const servers: Servers = {
    masters,
    isReplaced: async (server) =>
      (await masters()).filter(({ port }) => port !== server.port).length === count,
    isKept: async () => false,
  };
  const [first, ...others] = Array.from({ length: count }, (_, place) =>
    failoverFaults(servers, { place, name: `Redis master ${place + 1} of ${count}` }),
  );
  if (first === undefined) throw new Error('the cluster has no master');
  return {
    url: fixture.url,
    faults: [first.killed, wiped(servers.masters), first.frozen, ...others.map(({ killed }) => killed)],
    stop: fixture.stop,
  };
}

/** Starts the Redis of the fleet. @throws Error when there is no redis-server. */
export const openRedis = (kind: RedisKind): Promise<RedisEngine> =>
  ({ single: openSingle, sentinel: openSentinel, cluster: openCluster })[kind]();
