import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { serverAccount } from './postgres/account.ts';
import { createCluster, passwordFileOf } from './postgres/create-cluster.ts';
import { createStandby } from './postgres/create-standby.ts';
import { findPlace } from './postgres/place.ts';
import { readPostmaster, stopStaleServer } from './postgres/stale.ts';
import { tether } from './tether.ts';

export { removePlace } from './postgres/place.ts';

const START_WITHIN_MS = 60_000;

export type EmbeddedPostgresOptions = {
  /**
   * Kept between runs. Any folder will do: if the server's account cannot reach it, it becomes a symbolic link to one
   * that it can.
   */
  dataDir: string;
  /** The port on 127.0.0.1; 0 takes any free one. */
  port: number;
  /** True if a commit must survive a power failure. False only in unit tests. */
  durable: boolean;
  /** Further server settings, such as `{ max_connections: '200' }`. */
  settings?: Readonly<Record<string, string>>;
  /** Further environment variables of the server. */
  env?: Readonly<Record<string, string>>;
  /** Creates the data as those of a streaming standby of this server, under this name, with the same password. */
  standbyOf?: { source: EmbeddedPostgres; name: string };
};

/** `fast` ends the sessions and writes a checkpoint; `immediate` ends at once, as in a crash; `kill` is kill -9. */
export type StopMode = 'fast' | 'immediate' | 'kill';

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const;

export type EmbeddedPostgres = {
  /** The URL of the database `postgres`, with user and password. */
  readonly url: string;
  /** The URL of another database on the same server. */
  urlOf(database: string): string;
  readonly port: number;
  /** The process id of the current run; it changes with a restart. */
  readonly pid: number;
  readonly logFile: string;
  /** The folder with the server's data. */
  readonly data: string;
  stop(mode?: StopMode): Promise<void>;
  /** Stops the server if it is running and starts it with the same port and data. */
  restart(mode?: StopMode): Promise<void>;
  /** Registers a listener for ends of the server that neither `stop` nor `restart` caused. */
  onCrash(listener: (code: number | null) => void): void;
};

/**
 * The environment of a server in which glibc overwrites all memory that is freed: a use of freed memory, which goes well nearly always,
 * crashes it. https://man7.org/linux/man-pages/man3/mallopt.3.html
 */
export const OVERWRITES_FREED_MEMORY = { MALLOC_PERTURB_: '165' };

const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Waits until the server accepts connections or has ended. */
async function started(child: ChildProcess, data: string): Promise<'ready' | 'ended'> {
  const deadline = Date.now() + START_WITHIN_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const file = readPostmaster(data);
    if (file?.pid === child.pid && file?.ready) return 'ready';
    if (Date.now() > deadline) throw new Error(`PostgreSQL was not ready after ${START_WITHIN_MS / 1000} s`);
    await wait(20);
  }
  return 'ended';
}

/**
 * Starts an embedded PostgreSQL 18 on 127.0.0.1 and creates its data on the first start. Works in any folder, and also as
 * root: the server then runs as `postgres` or `nobody`. First stops a server that a killed run left behind in the same
 * folder. If this process is killed, the server stops by itself.
 *
 * @throws Error with the end of the server's log when it does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const account = serverAccount();
  const place = await findPlace(
    { account },
    {
      dataDir: resolve(options.dataDir),
      prepare: async (leftOver) => {
        await stopStaleServer(join(leftOver, 'data'));
      },
    },
  );
  const data = join(place.folder, 'data');
  const logFile = join(place.folder, 'postgres.log');
  const { standbyOf } = options;
  if (!existsSync(data) && standbyOf === undefined) await createCluster({ account, place });
  if (!existsSync(data) && standbyOf !== undefined) {
    const { url, data: copied } = standbyOf.source;
    await createStandby({ account, place }, { source: { url, data: copied, standbyName: standbyOf.name } });
  }
  await stopStaleServer(data);

  const password = readFileSync(passwordFileOf(place), 'utf8');
  const port = options.port === 0 ? await freePort() : options.port;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.durable ? {} : NOT_DURABLE),
    ...options.settings,
  };
  let child: ChildProcess | undefined;
  let wanted = false;
  const crashListeners: ((code: number | null) => void)[] = [];

  const launch = async (): Promise<void> => {
    const deadline = Date.now() + START_WITHIN_MS;
    for (;;) {
      const logFrom = existsSync(logFile) ? readFileSync(logFile).length : 0;
      const log = openSync(logFile, 'a', 0o600);
      const server = spawn(
        join(place.binaries, 'bin', 'postgres'),
        ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        {
          ...account,
          cwd: place.folder,
          env: { LC_ALL: 'C', TZ: 'UTC', ...options.env },
          stdio: ['ignore', log, log],
          // Ctrl-C signals the whole process group. The server has its own, because the stack stops it last.
          detached: true,
        },
      );
      closeSync(log);
      // A server that cannot be spawned is treated like one that ended.
      server.on('error', () => undefined);
      server.unref();
      tether(server);
      server.once('exit', (code) => {
        if (wanted && server === child) for (const listener of crashListeners) listener(code);
      });
      if ((await started(server, data)) === 'ready') {
        child = server;
        wanted = true;
        return;
      }
      const output = readFileSync(logFile, 'utf8').slice(logFrom).trim();
      // After a kill -9 the server's children take a moment to end; until then their shared memory blocks a new start.
      if (!/still in use|lock file/.test(output) || Date.now() > deadline) {
        throw new Error(
          `PostgreSQL did not start on port ${port}. Its log ends with:\n${output.slice(-2000)}`,
        );
      }
      await wait(100);
    }
  };

  const stop = async (mode: StopMode = 'fast'): Promise<void> => {
    wanted = false;
    const server = child;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.ref();
    server.kill(SIGNALS[mode]);
    await ended;
  };

  await launch();
  const urlOf = (database: string): string =>
    `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    urlOf,
    port,
    logFile,
    data,
    get pid() {
      return child?.pid ?? 0;
    },
    stop,
    async restart(mode) {
      await stop(mode);
      await launch();
    },
    onCrash(listener) {
      crashListeners.push(listener);
    },
  };
}
