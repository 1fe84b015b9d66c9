import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import getPort from 'get-port';
import { testServers } from './config.ts';

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
  /** The process id of the current run; it changes with a restart. */
  readonly pid: number;
  /** Sends one inline command, such as `CONFIG SET maxmemory 1`; resolves with the first line of the answer. */
  command(text: string): Promise<string>;
  /** Deletes all data, as if Redis had been lost. */
  flush(): Promise<void>;
  /** Kills the server; no data is saved. */
  stop(): Promise<void>;
  /** Stops the server if it is running and starts an empty one on the same port. */
  restart(): Promise<void>;
};

/** True when `redis-server` is on the PATH. */
export function hasRedisServer(): boolean {
  return spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Sends one inline command; resolves with the first line of the answer. */
function command(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${text}\r\n`));
    socket.setTimeout(2000, () => socket.destroy(new Error('Redis did not answer in 2 s')));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.end();
      resolve(answer.toString().split('\r\n')[0] ?? '');
    });
  });
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/**
 * Starts a `redis-server` from the PATH on a free port of 127.0.0.1. It has no persistence, because the tests need a Redis
 * that can lose everything. Takes about 30 ms.
 *
 * @param settings more of its settings, such as `{ 'cluster-enabled': 'yes' }`.
 * @throws Error when there is no redis-server (check `redisForTests()` first), or it does not answer within 10 s.
 */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-redis-'));
  const port = await getPort({ host: '127.0.0.1' });
  let child: ChildProcess | undefined;

  const launch = async (): Promise<void> => {
    mkdirSync(folder, { recursive: true });
    const options = {
      port,
      bind: '127.0.0.1',
      save: '',
      appendonly: 'no',
      dir: folder,
      'maxmemory-policy': 'noeviction',
      ...settings,
    };
    const server = spawn(
      'redis-server',
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: 'ignore' },
    );
    let spawnError: Error | undefined;
    server.on('error', (error) => {
      spawnError = error;
    });
    server.unref();
    child = server;
    const killServer = () => server.kill('SIGKILL');
    process.once('exit', killServer);
    server.once('exit', () => process.off('exit', killServer));
    for (const deadline = Date.now() + 10_000; ; ) {
      const answer = await command(port, 'PING').catch(() => '');
      // With a password it answers, too, and says that one is needed.
      if (answer === '+PONG' || answer.startsWith('-NOAUTH')) return;
      if (hasEnded(server) || Date.now() > deadline) {
        throw new Error('redis-server did not start', spawnError === undefined ? {} : { cause: spawnError });
      }
      await wait(10);
    }
  };

  const stop = async (): Promise<void> => {
    const server = child;
    if (server !== undefined && !hasEnded(server)) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.ref();
      server.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };

  await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    command: (text) => command(port, text),
    async flush() {
      const answer = await command(port, 'FLUSHALL');
      if (answer !== '+OK') throw new Error(`Redis answered FLUSHALL with ${answer}`);
    },
    stop,
    restart: async () => {
      await stop();
      await launch();
    },
  };
}
