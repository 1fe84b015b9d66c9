import { Cluster, Redis } from 'ioredis';
import type { RedisReporter } from './redis-reporter.ts';
import { parseRedisUrl, type RedisTopology } from './redis-url.ts';

/** A connection to a Redis, or one to each node of a Redis Cluster. */
export type RedisClient = Redis | Cluster;

const retryStrategy = (times: number) => Math.min(times * 100, 1000);

/** After a failover, a connection that stayed open leads to the former master: a new one does not. */
const reconnectOnError = (error: Error) => /\bREADONLY\b/.test(error.message);

/** Longest wait for a connection, and for the answer of a sentinel: a machine that is gone refuses nothing. */
const CONNECT_MS = 3_000;

/**
 * Longest wait for any byte after a command. Consumers block for one second. A master that is frozen keeps its connections open, and only a new one
 * finds the server that has taken its place. (ioredis can listen to the sentinels instead, but writes every failure of that to standard error.)
 */
const SILENT_MS = 3_000;

/** A node that is frozen answers no MOVED: only a look at the others shows that another has its slots. */
const LOOK_AT_SLOTS_MS = 1_000;

type Options = { maxRetriesPerRequest: number | null; enableOfflineQueue?: boolean; commandTimeout?: number };

function openCluster(topology: Extract<RedisTopology, { kind: 'cluster' }>, options: Options): Cluster {
  const { enableOfflineQueue = true, ...ofNode } = options;
  const redisOptions = {
    ...topology.login,
    ...(topology.tls === undefined ? {} : { tls: topology.tls }),
    family: topology.family,
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    reconnectOnError,
    ...ofNode,
  };
  return new Cluster(topology.nodes, {
    enableOfflineQueue,
    redisOptions,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshInterval: LOOK_AT_SLOTS_MS,
    // ioredis 6.0 would ask one node whether the Cluster is well and wait without a bound: for ever, if that node is frozen.
    enableReadyCheck: false,
    // The names of nodes stay names, which a certificate is for, and are resolved by each connection.
    dnsLookup: (name, callback) => callback(null, name),
  });
}

function optionsOf(topology: Exclude<RedisTopology, { kind: 'cluster' }>) {
  const common = {
    ...topology.login,
    db: topology.db,
    family: topology.family,
    ...(topology.tls === undefined ? {} : { tls: topology.tls }),
  };
  if (topology.kind === 'single') return { ...common, ...topology.node };
  const { tls, sentinelLogin } = topology;
  return {
    ...common,
    sentinels: topology.sentinels,
    name: topology.master,
    ...(sentinelLogin.username === undefined ? {} : { sentinelUsername: sentinelLogin.username }),
    ...(sentinelLogin.password === undefined ? {} : { sentinelPassword: sentinelLogin.password }),
    ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: CONNECT_MS,
  };
}

/** Connects to the Redis of the queues, and again whenever a connection is lost or another server has become master. */
export function connectRedis(
  { url, reporter }: { url: string; reporter: RedisReporter },
  options: Options,
): RedisClient {
  const topology = parseRedisUrl(url);
  if (topology.kind === 'cluster') {
    return openCluster(topology, options)
      .on('error', (error) => reporter.report(error))
      .on('node error', (error) => reporter.report(error));
  }
  return new Redis({
    ...optionsOf(topology),
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENT_MS,
    retryStrategy,
    reconnectOnError,
    ...options,
  }).on('error', (error) => reporter.report(error));
}
