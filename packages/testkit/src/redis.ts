import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testServers } from './config.ts';
import { freePort } from './free-port.ts';
import { launchRedis, type RedisProcess, sendCommand } from './redis-process.ts';

/**
 * Returns the Redis that all tests of this run share, or null when the machine has none; the run then prints a warning. Use it
 * as `describe.runIf(redisForTests() !== null)`. Tests that flush or stop Redis must start their own.
 */
export function redisForTests(): { url: string } | null {
  const { redisUrl } = testServers();
  return redisUrl === null ? null : { url: redisUrl };
}

export type RedisServer = {
  url: string;
  readonly port: number;
  /** The process id of the current run; it changes with a restart. */
  readonly pid: number;
  /** Sends one inline command, such as `CONFIG SET maxmemory 1`; resolves with the first line of the answer, or a bulk string's text. */
  command(text: string): Promise<string>;
  /** Deletes all data, as if Redis had been lost. */
  flush(): Promise<void>;
  /** Kills the server and keeps its folder, as when its machine has lost its power. */
  kill(): Promise<void>;
  /** Starts it after `kill`, on the same port and in its folder. */
  start(): Promise<void>;
  /** Kills the server; no data is saved. */
  stop(): Promise<void>;
  /** Stops the server if it is running and starts an empty one on the same port. */
  restart(): Promise<void>;
};

/** True when `redis-server` is on the PATH. */
export function hasRedisServer(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Starts a `redis-server` from the PATH on a free port of 127.0.0.1. It has no persistence, because the tests need a Redis
 * that can lose everything. Takes about 30 ms.
 *
 * @param settings more of its settings, such as `{ 'cluster-enabled': 'yes' }`.
 * @throws Error when there is no redis-server (check `redisForTests()` first), or it does not answer within 10 s.
 */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-redis-'));
  const port = await freePort();
  const options = {
    port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: folder,
    'maxmemory-policy': 'noeviction',
    ...settings,
  };
  // A file, not arguments: sentinels write into it which master the server follows. With arguments, a promoted replica that is killed would
  // start as a replica of the old master, and when it is back before a failover the two would follow each other for ever.
  const file = join(folder, 'redis.conf');
  const lines = Object.entries(options).map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`);
  let server: RedisProcess | undefined;

  const kill = async () => server?.kill();
  const start = async (): Promise<void> => {
    mkdirSync(folder, { recursive: true });
    if (!existsSync(file)) writeFileSync(file, lines.join(''), { mode: 0o600 });
    server = await launchRedis({ args: [file], port });
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server?.pid ?? 0;
    },
    command: (text) => sendCommand(port, text),
    async flush() {
      const answer = await sendCommand(port, 'FLUSHALL');
      if (answer !== '+OK') throw new Error(`Redis answered FLUSHALL with ${answer}`);
    },
    kill,
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
  };
}
