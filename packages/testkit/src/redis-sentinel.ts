import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { launchRedis, type RedisProcess, sendCommand, untilSeen } from './redis-process.ts';

/** The name under which the sentinels know the master. */
const NAME = 'payments';

/** One of the processes that watch the servers. */
export type Sentinel = { readonly port: number; kill(): Promise<void>; start(): Promise<void> };

/** A master, its replicas, and the sentinels that promote a replica when the master is gone. */
export type RedisSentinel = {
  /** Names all sentinels, for REDIS_URL. */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly Sentinel[];
  /** The server that the sentinels name as master; after it was killed, the old one until they have agreed on another. */
  master(): Promise<RedisServer>;
  /** True when every sentinel has found the others, the master and its replicas, and none holds the master for gone. */
  isComplete(): Promise<boolean>;
  stop(): Promise<void>;
};

type Options = {
  replicas?: number;
  sentinels?: number;
  /** Time without an answer after which a sentinel holds a server for gone. */
  downAfterMs?: number;
  /** Settings of the servers, and lines for the file of the sentinels. */
  settings?: Readonly<Record<string, string>>;
  sentinelLines?: readonly string[];
};

async function startSentinel(input: { master: RedisServer; quorum: number; options: Options }) {
  const { master, quorum, options } = input;
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-sentinel-'));
  const port = await freePort();
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${options.downAfterMs ?? 1_000}`,
    // The next failover of the same master begins after twice this time.
    `sentinel failover-timeout ${NAME} 2000`,
    ...(options.sentinelLines ?? []),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  let running: RedisProcess | undefined;
  const start = async () => {
    running = await launchRedis({ args: [file, '--sentinel'], port });
  };
  await start();
  return {
    port,
    start,
    kill: async () => running?.kill(),
    async stop() {
      await running?.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a master with replicas and sentinels, all on 127.0.0.1, and waits until they know each other: about 2.5 s. By default
 * three sentinels, of which two must agree.
 *
 * @throws Error when there is no redis-server (check `hasRedisServer()` first), or it takes longer than 30 s.
 */
export async function startRedisSentinel(options: Options = {}): Promise<RedisSentinel> {
  const { replicas = 1, sentinels: count = 3, settings = {} } = options;
  const servers: RedisServer[] = [];
  const sentinels: Awaited<ReturnType<typeof startSentinel>>[] = [];
  const stop = async () => {
    await Promise.all([...sentinels, ...servers].map((each) => each.stop()));
  };
  const isComplete = async () => {
    const views = await Promise.all(sentinels.map(({ port }) => sendCommand(port, 'INFO sentinel')));
    return views.every((view) =>
      new RegExp(`status=ok,address=127\\.0\\.0\\.1:\\d+,slaves=${replicas},sentinels=${count}\\b`).test(
        view,
      ),
    );
  };
  try {
    const own = { 'repl-diskless-sync-delay': '0', 'repl-ping-replica-period': '1', ...settings };
    const master = await startRedis(own);
    servers.push(master);
    for (let n = 0; n < replicas; n += 1) {
      servers.push(await startRedis({ ...own, replicaof: `127.0.0.1 ${master.port}` }));
    }
    for (let n = 0; n < count; n += 1) {
      sentinels.push(await startSentinel({ master, quorum: Math.floor(count / 2) + 1, options }));
    }
    await untilSeen('a complete view of all sentinels', isComplete);
  } catch (error) {
    await stop();
    throw error;
  }

  /** The port that most of the sentinels name: not all hear of a failover in the same moment. */
  async function masterPort(): Promise<number> {
    const views = await Promise.all(
      sentinels.map(({ port }) => sendCommand(port, 'INFO sentinel').catch(() => '')),
    );
    const ports = views.flatMap((view) => /address=127\.0\.0\.1:(\d+)/.exec(view)?.[1] ?? []);
    const votes = (port: string) => ports.filter((each) => each === port).length;
    return Number(ports.toSorted((a, b) => votes(b) - votes(a))[0]);
  }

  return {
    url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    servers,
    sentinels,
    async master() {
      const port = await masterPort();
      const found = servers.find((server) => server.port === port);
      if (found === undefined) throw new Error('the sentinels name no master of ours');
      return found;
    },
    isComplete,
    stop,
  };
}
