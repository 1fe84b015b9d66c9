import { Cluster } from 'ioredis';
import type { RedisClient } from './redis-client.ts';
import type { RedisTopology } from './redis-url.ts';

/** What a server says of itself. A part that it does not say is undefined. */
export type RedisFacts = {
  product: 'Redis' | 'Valkey';
  version: string | undefined;
  /** `redis_mode`, of Valkey `server_mode`: standalone, cluster or sentinel. */
  mode: string | undefined;
  /** `maxmemory_policy`. */
  policy: string | undefined;
};

/** BullMQ 6.7 warns below it, and the rights of our user need the ACLs of Redis 6. */
const OLDEST = [6, 2];
const SAFE_POLICY = 'noeviction';

/** Reads the answer of INFO, which a user may be allowed that may not use CONFIG. Every value is cut to what it can be. */
export function factsIn(info: string): RedisFacts {
  const lines = info.matchAll(/^([a-z_]{1,40}):([a-zA-Z0-9.-]{1,30})\s*$/gm);
  const values = new Map([...lines].map(([, name, value]) => [name, value]));
  const said = (name: string) => values.get(name);
  const valkey = said('valkey_version');
  return {
    product: valkey === undefined ? 'Redis' : 'Valkey',
    version: valkey ?? said('redis_version'),
    mode: said('redis_mode') ?? said('server_mode'),
    policy: said('maxmemory_policy'),
  };
}

/** Asks the server, or each master of a Cluster. @throws the error of Redis, such as NOPERM. */
export async function readRedisFacts(client: RedisClient): Promise<RedisFacts[]> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  return Promise.all(servers.map(async (server) => factsIn(await server.info())));
}

function isTooOld({ product, version }: RedisFacts): boolean {
  if (product === 'Valkey' || version === undefined) return false;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** True when the server may remove entries to make room. */
export const mayEvict = ({ policy }: RedisFacts): boolean => policy !== undefined && policy !== SAFE_POLICY;

/** Returns the sentence that says why this server cannot carry the queues; null when it can. */
export function refusalOf(facts: RedisFacts, { kind }: { kind: RedisTopology['kind'] }): string | null {
  if (facts.mode === 'sentinel') {
    return 'REDIS_URL names a sentinel as if it were a Redis. Write redis+sentinel://host:port,host:port/name.';
  }
  if (kind === 'sentinel' && facts.mode === 'cluster')
    return 'REDIS_URL names sentinels, and their master is a node of a Redis Cluster. Write redis+cluster://host:port,host:port.';
  if (isTooOld(facts)) {
    return `The Redis at REDIS_URL has version ${facts.version}. BullMQ needs ${OLDEST.join('.')} or newer.`;
  }
  if (mayEvict(facts)) {
    return `The Redis at REDIS_URL has the maxmemory-policy ${facts.policy} and may remove entries of the queues. Set it to ${SAFE_POLICY}.`;
  }
  return null;
}
